#!/usr/bin/env bash
# Stops the stack and whatever an earlier demo left running, and removes everything built, fetched or stored here.
# Servers built into the tool cache stay.
set -euo pipefail
cd "$(dirname "$0")/.."

for env in .stack/env .stack/*/env; do
  [[ ! -f $env ]] || scripts/stack.sh stop "$(dirname "$env")"
done
rm -rf .stack .chaos bin demo
