# shellcheck shell=bash
# Sourced by whatever compiles the engine: makes sure that oneDNN's headers and library are there, installs them
# where they are missing, and tells cgo where they lie. TWINVIEW_ONEDNN names another one than the system's by the folder
# that has include/ and lib/; it has to be a build with OpenMP, as the distributions' are.

onednn_found() {
  # shellcheck disable=SC2086 # flags are words
  echo '#include <oneapi/dnnl/dnnl.hpp>' | ${CXX:-c++} ${CGO_CXXFLAGS-} -x c++ -std=c++17 -E - >/dev/null 2>&1
}

# onednn_at takes oneDNN from a folder with include/ and lib/. Scripts source each other: it adds no flag twice, or
# they would compile everything anew.
onednn_at() {
  local lib=$1/lib
  if [[ ! -e $lib/libdnnl.so && -e $1/lib64/libdnnl.so ]]; then lib=$1/lib64; fi
  if [[ " ${CGO_LDFLAGS-} " == *" -L$lib "* ]]; then return; fi
  export CGO_CXXFLAGS="-I$1/include ${CGO_CXXFLAGS:--O2 -g}"
  export CGO_LDFLAGS="-L$lib -Wl,-rpath,$lib ${CGO_LDFLAGS:--O2 -g}"
}

onednn_from_apt() {
  local root=()
  if ((EUID != 0)); then root=(sudo); fi
  echo "installing libdnnl-dev (oneDNN) ..." >&2
  ${root[@]+"${root[@]}"} apt-get update -qq
  ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libdnnl-dev >&2
}

onednn_from_brew() {
  brew list onednn >/dev/null 2>&1 || brew install onednn >&2
  onednn_at "$(brew --prefix onednn)"
}

if ! command -v "${CXX:-c++}" >/dev/null; then
  echo "a C++ compiler is needed: apt-get install g++, or xcode-select --install on a Mac" >&2
  exit 1
fi
if [[ -n ${TWINVIEW_ONEDNN-} ]]; then
  if [[ ! -e $TWINVIEW_ONEDNN/include/oneapi/dnnl/dnnl.hpp ]]; then
    echo "TWINVIEW_ONEDNN is $TWINVIEW_ONEDNN, which has no include/oneapi/dnnl/dnnl.hpp" >&2
    exit 1
  fi
  onednn_at "$(cd "$TWINVIEW_ONEDNN" && pwd)"
elif ! onednn_found; then
  if [[ $(uname) == Darwin ]] && command -v brew >/dev/null; then
    onednn_from_brew
  elif command -v apt-get >/dev/null; then
    onednn_from_apt
  else
    echo "oneDNN is missing: install its development package (libdnnl-dev, onednn, oneDNN-devel), or name its folder" \
      "by TWINVIEW_ONEDNN, and try again" >&2
    exit 1
  fi
fi
