#!/usr/bin/env bash
# Prints the folder of CUDA's compiler at its pinned version: bin/nvcc, bin/ptxas, include/, and CUTLASS's headers in cutlass/.
#
# It comes from PyPI, without a CUDA installation, once, into ${TWINVIEW_TOOLS:-~/.cache/twinview/tools}. Only who changes a
# kernel needs it: what is made of the kernels is checked in.
set -euo pipefail

version=13.0.88
cutlass=4.2.0
packages=(
  "nvidia-cuda-nvcc==$version" "nvidia-nvvm==$version" "nvidia-cuda-crt==$version"
  nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
)

cache=${TWINVIEW_TOOLS:-$HOME/.cache/twinview/tools}
kept=$cache/nvcc-$version-cutlass-$cutlass
if [[ -x $kept/bin/nvcc ]]; then
  echo "$kept"
  exit
fi
if [[ $(uname) != Linux ]]; then
  echo "nvcc.sh: CUDA's compiler is for Linux only; make the kernels there (make cuda-kernels)" >&2
  exit 1
fi

echo "installing CUDA's compiler $version and CUTLASS $cutlass, once (0.3 GB) ..." >&2
mkdir -p "$cache"
building=$(mktemp -d "$cache/.nvcc.XXXXXX")
trap 'rm -rf "$building"' EXIT
log=$(
  {
    python3 -m venv "$building/python" &&
      "$building/python/bin/pip" install --quiet --no-deps --target "$building/cuda" "${packages[@]}" &&
      "$building/python/bin/pip" install --quiet --no-deps --target "$building/cutlass" "nvidia-cutlass==$cutlass"
  } 2>&1
) || {
  printf '%s\n' "$log" "CUDA's compiler could not be installed from PyPI (on Debian, python3-venv may be missing)" >&2
  exit 1
}
cp -R "$building/cutlass/cutlass_library/source/include" "$building/cuda/nvidia/cu13/cutlass"
# Moved at the end, so that what is kept is whole; another one that was made meanwhile is as good.
mv -T "$building/cuda/nvidia/cu13" "$kept" 2>/dev/null || [[ -x $kept/bin/nvcc ]]
echo "$kept"
