#!/usr/bin/env bash
# Stops the stack in .stack/ and keeps its data.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ! -d .stack ]]; then
  echo "there is no stack to stop"
  exit
fi
scripts/stack.sh stop .stack
echo "the stack is down; its data are still in .stack/"
