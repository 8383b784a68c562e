# shellcheck shell=bash
# Sourced by whatever compiles with the tag gpu: makes sure that CUDA's headers and a libcuda to link with are there, and
# tells cgo where they lie.
#
# The headers come from PyPI, once, into ${TWINVIEW_TOOLS:-~/.cache/twinview/tools}. The libcuda is a stub that has the names
# of the driver's functions and nothing behind them: it is for the linker alone, and a program finds the real one, libcuda.so.1,
# where it runs. They are of CUDA 12.9, which gorgonia.org/cu is written for (with those of 13 it does not compile). A driver of
# any later version runs what is built with them.

cuda_headers_version=12.9.79

# make_cuda_headers FOLDER leaves include/ and lib/libcuda.so there.
make_cuda_headers() {
  local folder=$1 log
  log=$(
    {
      python3 -m venv "$folder/python" &&
        "$folder/python/bin/pip" install --quiet --no-deps --target "$folder/wheel" \
          "nvidia-cuda-runtime-cu12==$cuda_headers_version"
    } 2>&1
  ) || {
    printf '%s\n' "$log" "CUDA's headers could not be installed from PyPI (on Debian, python3-venv may be missing)" >&2
    return 1
  }
  mv "$folder/wheel/nvidia/cuda_runtime/include" "$folder/include"
  rm -rf "$folder/python" "$folder/wheel"
  mkdir "$folder/lib"
  # Every function that the header declares, under the name that the header's own macros give it. They are weak
  # and return CUDA_ERROR_NOT_SUPPORTED: the stand-in for a driver (engine/cuda/standin) is linked with them.
  echo '#include <cuda.h>' | ${CC:-cc} -I"$folder/include" -E -P - |
    grep -oE '\bcu[A-Z][A-Za-z0-9_]*[[:space:]]*\(' | tr -d '( \t' | sort -u |
    sed 's/.*/__attribute__((weak)) int &(void) { return 801; }/' >"$folder/lib/stub.c" &&
    ${CC:-cc} -w -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$folder/lib/libcuda.so" "$folder/lib/stub.c"
}

# install_cuda_headers FOLDER makes them beside the folder and moves them at the end, so that what is kept is whole.
install_cuda_headers() {
  local building
  echo "installing the headers of CUDA $cuda_headers_version, once (10 MB) ..." >&2
  mkdir -p "$(dirname "$1")"
  building=$(mktemp -d "$1.XXXXXX")
  if ! make_cuda_headers "$building"; then
    rm -rf "$building"
    return 1
  fi
  # Another one that was made meanwhile is as good.
  mv -T "$building" "$1" 2>/dev/null || rm -rf "$building"
}

if [[ $(uname) != Linux ]]; then
  echo "the GPU engine is for Linux only: build without the tag gpu here" >&2
  exit 1
fi
cuda_headers=${TWINVIEW_TOOLS:-$HOME/.cache/twinview/tools}/cuda-headers-$cuda_headers_version
if [[ ! -e $cuda_headers/lib/libcuda.so ]]; then
  install_cuda_headers "$cuda_headers" || exit 1
fi
# Scripts source each other: no flag is added twice, or they would compile everything anew.
if [[ " ${CGO_CFLAGS-} " != *" -I$cuda_headers/include "* ]]; then
  export CGO_CFLAGS="-I$cuda_headers/include ${CGO_CFLAGS:--O2 -g}"
  export CGO_LDFLAGS="-L$cuda_headers/lib ${CGO_LDFLAGS:--O2 -g}"
fi
