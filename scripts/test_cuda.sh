#!/usr/bin/env bash
# The tests of the GPU engine. Where there is no GPU a stand-in for CUDA's driver runs the kernels on this machine's processor;
# TWINVIEW_GPU=1 takes the driver that is installed. Arguments go to go test.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh
# shellcheck source=scripts/cuda_headers.sh
. scripts/cuda_headers.sh

if [[ -z ${TWINVIEW_GPU-} ]]; then
  standin=$(scripts/cuda_standin.sh)
  export LD_LIBRARY_PATH=$standin${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  # Small, so that what does not fit can be tried.
  export TWINVIEW_STANDIN_MEMORY=$((512 << 20))
  # Late, so that what is read or written too early shows.
  export TWINVIEW_STANDIN_LATE=1
  # What the stand-in has of the kernels is what a C++ compiler makes of their sources; this runs the PTX that is shipped.
  go test -count=1 -timeout 30m -p 1 "$@" ./engine/cuda/kernels -kernels ptx
fi
export OMP_WAIT_POLICY=passive
TWINVIEW_TEMPORAL=$(scripts/tool.sh temporal)
TWINVIEW_MINIO=$(scripts/tool.sh minio)
export TWINVIEW_TEMPORAL TWINVIEW_MINIO TWINVIEW_REQUIRE_SERVERS=1
go vet -tags gpu ./bench/gpu/... ./engine/... ./hardware ./train ./worker ./integration
scripts/worker_gpu.sh
go test -count=1 -timeout 30m -tags gpu -p 1 "$@" ./bench/gpu ./engine/cuda ./engine/cuda/kernels ./hardware ./worker
# Their other tests are of the CPU, and make test has them.
go test -count=1 -timeout 30m -tags gpu -p 1 "$@" -run GPU ./train ./integration
