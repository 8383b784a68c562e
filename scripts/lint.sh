#!/usr/bin/env bash
# Everything that can be said about the code without running it.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh

unformatted=$(gofmt -l .)
if [[ -n $unformatted ]]; then
  printf 'not formatted (make fmt does it):\n%s\n' "$unformatted" >&2
  exit 1
fi
go vet ./...
"$(scripts/tool.sh staticcheck)" ./...
# Packages depend downwards only (.depguard.yml).
"$(scripts/tool.sh depguard)" ./...
# Workflows must be deterministic: no clock, no randomness, no goroutines of their own.
"$(scripts/tool.sh workflowcheck)" ./workflows
if command -v shellcheck >/dev/null; then
  shellcheck -x scripts/*.sh .ci/run
fi
if command -v docker-compose >/dev/null; then
  docker-compose --env-file .env.example config --quiet
fi
echo "lint: fine"
