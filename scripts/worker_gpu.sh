#!/usr/bin/env bash
# Builds bin/worker-gpu. It runs only where CUDA's driver is, or its stand-in.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh
# shellcheck source=scripts/cuda_headers.sh
. scripts/cuda_headers.sh

echo "building bin/worker-gpu ..." >&2
go build -tags gpu -o bin/worker-gpu ./worker
