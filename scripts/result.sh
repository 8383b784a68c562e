#!/usr/bin/env bash
# Runs an experiment on the stack of `make up`, or waits for the one that runs or ran there under its name, and keeps its
# spec, metrics and summary in docs/results/: result.sh CONFIG...
set -euo pipefail
cd "$(dirname "$0")/.."

if (($# == 0)); then
  echo "which experiment? make result CONFIG=configs/cpu-simclr.yaml" >&2
  exit 2
fi
scripts/up.sh >&2
# shellcheck source=scripts/environment.sh
. scripts/environment.sh .stack

for config in "$@"; do
  name=$(awk '$1 == "name:" { print $2; exit }' "$config")
  if ! bin/starter show "$name" >/dev/null 2>&1; then
    bin/starter run "$config"
  fi
  bin/starter watch "$name"
  bin/starter get "$name" spec.yaml metrics.json --out "docs/results/$name"
  bin/starter show "$name" | tee "docs/results/$name/summary.txt"
done
