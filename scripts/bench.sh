#!/usr/bin/env bash
# The benchmarks of the engine and of the augmentations.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh

go test -run '^$' -bench . -benchmem ./engine/cpu ./augment
