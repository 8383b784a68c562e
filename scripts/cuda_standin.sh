#!/usr/bin/env bash
# Builds the stand-in for CUDA's driver and its management library (engine/cuda/standin) with all kernels in it, and prints the folder:
# with that as LD_LIBRARY_PATH, what was built with the tag gpu runs where there is no GPU. Only what has changed is compiled.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cuda_headers.sh
. scripts/cuda_headers.sh

compiler=${CXX:-g++}
folder=$PWD/bin/cuda-standin
mkdir -p "$folder"

# stale SOURCE OBJECT: is the object older than the source, or than a header?
stale() { [[ ! -e $2 || -n $(find "$1" engine/cuda/kernels/*.h -newer "$2") ]]; }

jobs=()
for source in engine/cuda/kernels/*.cu; do
  object=$folder/$(basename "$source").o
  if stale "$source" "$object"; then jobs+=("$source" "$object"); fi
done
if ((${#jobs[@]})); then
  echo "compiling $((${#jobs[@]} / 2)) families of CUDA kernels for this processor ..." >&2
  # As engine/cuda/kernels/host compiles them.
  printf '%s\0' "${jobs[@]}" | xargs -0 -n 2 -P 2 sh -c 'exec "$0" -c -x c++ -std=c++17 -O2 -ffp-contract=off -fPIC \
    -fvisibility=hidden -Wno-unknown-pragmas -DTWINVIEW_HOST "$1" -o "$2"' "$compiler"
fi

driver=$folder/driver.o
if stale engine/cuda/standin/driver.cc "$driver"; then
  "$compiler" -c -std=c++17 -O2 -Wall -Wextra -fPIC "-I$cuda_headers/include" engine/cuda/standin/driver.cc -o "$driver"
fi

# The other calls, weak: those in driver.cc come first. 801 is CUDA_ERROR_NOT_SUPPORTED.
rest=$folder/rest.o
if [[ ! -e $rest || $cuda_headers/lib/stub.c -nt $rest ]]; then
  sed -E 's/void (.*)\(void\) \{\}/__attribute__((weak)) int \1(void) { return 801; }/' "$cuda_headers/lib/stub.c" |
    ${CC:-cc} -w -c -fPIC -x c - -o "$rest"
fi

library=$folder/libcuda.so.1
if [[ ! -e $library || -n $(find "$folder" -name '*.o' -newer "$library") ]]; then
  # An object whose source is gone has no say.
  objects=("$driver" "$rest")
  for source in engine/cuda/kernels/*.cu; do objects+=("$folder/$(basename "$source").o"); done
  "$compiler" -shared -Wl,-soname,libcuda.so.1 -o "$library.new" "${objects[@]}" -ldl
  mv "$library.new" "$library"
fi
management=$folder/libnvidia-ml.so.1
if [[ ! -e $management || engine/cuda/standin/nvml.cc -nt $management ]]; then
  "$compiler" -shared -std=c++17 -O2 -Wall -Wextra -fPIC -Wl,-soname,libnvidia-ml.so.1 -o "$management.new" engine/cuda/standin/nvml.cc
  mv "$management.new" "$management"
fi
echo "$folder"
