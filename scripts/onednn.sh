# shellcheck shell=bash
# Sourced by whatever compiles the engine: makes sure that oneDNN's headers and library are there, installs them
# where they are missing, and tells cgo where they lie.

onednn_found() {
  echo '#include <oneapi/dnnl/dnnl.hpp>' | ${CXX:-c++} -x c++ -std=c++17 -E - >/dev/null 2>&1
}

onednn_from_apt() {
  local root=()
  if ((EUID != 0)); then root=(sudo); fi
  echo "installing libdnnl-dev (oneDNN) ..." >&2
  ${root[@]+"${root[@]}"} apt-get update -qq
  ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libdnnl-dev >&2
}

onednn_from_brew() {
  local prefix
  brew list onednn >/dev/null 2>&1 || brew install onednn >&2
  prefix=$(brew --prefix onednn)
  export CGO_CFLAGS="${CGO_CFLAGS:--O2 -g} -I$prefix/include"
  export CGO_CXXFLAGS="${CGO_CXXFLAGS:--O2 -g} -I$prefix/include"
  export CGO_LDFLAGS="${CGO_LDFLAGS:--O2 -g} -L$prefix/lib -Wl,-rpath,$prefix/lib"
}

if ! command -v "${CXX:-c++}" >/dev/null; then
  echo "a C++ compiler is needed: apt-get install g++, or xcode-select --install on a Mac" >&2
  exit 1
fi
if ! onednn_found; then
  if [[ $(uname) == Darwin ]] && command -v brew >/dev/null; then
    onednn_from_brew
  elif command -v apt-get >/dev/null; then
    onednn_from_apt
  else
    echo "oneDNN is missing: install its development package (libdnnl-dev, onednn, oneDNN-devel) and try again" >&2
    exit 1
  fi
fi
