#!/usr/bin/env bash
# Builds bin/worker and bin/starter.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh

echo "building bin/worker and bin/starter ..." >&2
go build -o bin/worker ./worker
# Static: it has to run on any laptop.
CGO_ENABLED=0 go build -o bin/starter ./starter
