#!/usr/bin/env bash
# The tests that need PyTorch, with the newest one: what we write is loaded there, computes the same, and is read by its
# libraries. A folder as argument, such as demo, has the models of a finished experiment: they are tested too.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/archive.sh
. scripts/archive.sh
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh
# shellcheck source=scripts/pytorch.sh
. scripts/pytorch.sh

find_pytorch cpu
export TWINVIEW_PYTHON=$python TWINVIEW_REQUIRE_PYTORCH=1 OMP_WAIT_POLICY=passive
if (($# > 0)); then
  TWINVIEW_MODELS=$(cd "$1" && pwd)
  export TWINVIEW_MODELS
fi
go test -timeout 20m -count 1 -v -run 'Torch|Python' ./checkpoint ./starter ./train
