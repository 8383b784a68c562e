#!/usr/bin/env bash
# Makes engine/cuda/kernels/ptx of the CUDA kernels whose sources have changed. With --check it makes all of it again and fails
# if something else comes out. Either way every kernel is assembled for A100 and H100, and none may spill registers.
set -euo pipefail
cd "$(dirname "$0")/.."

check=false
case ${1-} in
'') ;;
--check) check=true ;;
*)
  echo "usage: cuda_kernels.sh [--check]" >&2
  exit 2
  ;;
esac
go run ./engine/cuda/kernels/generate -nvcc "$(scripts/nvcc.sh)" -check="$check"
