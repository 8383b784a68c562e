#!/usr/bin/env bash
# What Temporal, the object store and checkpoints cost a training of about ten minutes: JSON lines on standard output, a
# table on standard error. Half an hour on 2 cores; arguments go to the program. Needs CIFAR-10.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/archive.sh
. scripts/archive.sh
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh

mkdir -p .stack
dir=$(mktemp -d "$PWD/.stack/durability-XXXXXX")
finish() {
  local code=$?
  scripts/stack.sh stop "$dir" >&2
  rm -rf "$dir"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

scripts/build.sh >&2
echo "building bin/bench ..." >&2
go build -o bin/bench ./bench
# As the stack's worker has it.
export OMP_WAIT_POLICY=passive
scripts/stack.sh start "$dir" >&2
scripts/stack.sh worker "$dir" >&2
# shellcheck source=scripts/environment.sh
. scripts/environment.sh "$dir"
bin/bench durability configs/cpu-simclr.yaml --set pretrain.epochs=3 "$@"
