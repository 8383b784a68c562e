#!/usr/bin/env bash
# Makes bin/gpu-check, a folder that tries everything of the GPU engine on any Linux machine with NVIDIA's driver: `run` in it needs
# no Go, no compiler and no network. Where there is a GPU, runs it here. TWINVIEW_STANDIN=1 runs it on the stand-in for the driver, in
# the small, to see that every step works. Arguments go to run: see bin/gpu-check/run --help.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh
# shellcheck source=scripts/cuda_headers.sh
. scripts/cuda_headers.sh
# shellcheck source=scripts/archive.sh
. scripts/archive.sh

folder=bin/gpu-check
rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/lib/libc"

echo "building $folder ..." >&2
# Programs find their libraries beside them. (RPATH, not RUNPATH: that would not count for what the libraries want themselves.)
# shellcheck disable=SC2016 # $ORIGIN is the loader's
link=(-ldflags '-s -w -extldflags "-Wl,-rpath,$ORIGIN/../lib -Wl,--disable-new-dtags"')
CGO_ENABLED=0 go build -ldflags '-s -w' -o "$folder/run" ./bench/gpu/check
go build -tags gpu "${link[@]}" -o "$folder/bin/gpu" ./bench/gpu
for package in engine/cuda/kernels engine/cuda train; do
  go test -c -tags gpu "${link[@]}" -o "$folder/bin/$(basename "$package").test" "./$package"
done

# The libraries that they want, but for the driver; and the C library, for machines with an older one.
for program in "$folder"/bin/*; do ldd "$program"; done | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
  while read -r library; do
    case $(basename "$library") in
    libcuda.so*) ;;
    libc.so* | libm.so* | libdl.so* | libpthread.so* | librt.so* | libresolv.so*) cp -L "$library" "$folder/lib/libc/" ;;
    *) cp -L "$library" "$folder/lib/" ;;
    esac
  done
loader=$(ldd "$folder/bin/gpu" | awk '/ld-linux/ { print $1 }')
cp -L "$loader" "$folder/lib/libc/"
# The driver wants more of it than our programs do.
for library in libdl.so.2 libpthread.so.0 librt.so.1 libm.so.6; do
  cp -L "$(dirname "$(ldd "$folder/bin/gpu" | awk '/libc\.so/ { print $3 }')")/$library" "$folder/lib/libc/"
done

cp configs/simclr-100.yaml "$folder/spec.yaml"
cp bench/peer.py bench/peer_gpu.py "$folder/"
if [[ -n ${CIFAR10_ARCHIVE-} ]]; then
  cp "$CIFAR10_ARCHIVE" "$folder/cifar-10-binary.tar.gz"
else
  echo "without CIFAR-10: no accuracy will be measured (CIFAR10_ARCHIVE names the archive)" >&2
fi
git describe --always --dirty >"$folder/VERSION" 2>/dev/null || echo unknown >"$folder/VERSION"

if [[ -n ${TWINVIEW_STANDIN-} ]]; then
  standin=$(scripts/cuda_standin.sh)
  LD_LIBRARY_PATH=$standin exec "$folder/run" --quick "$@"
fi
if [[ -e /dev/nvidia0 || -e /dev/dxg ]]; then exec "$folder/run" "$@"; fi
echo "There is no GPU here. Copy $folder ($(du -sh "$folder" | cut -f 1)) to a machine that has one, and start ./run in it." >&2
