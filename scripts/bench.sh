#!/usr/bin/env bash
# How fast Twinview is here: JSON lines on standard output, a table on standard error. Arguments go to the program.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh

echo "building bin/bench ..." >&2
go build -o bin/bench ./bench
# OpenMP's default: threads spin for some milliseconds and then sleep. Spinning for ever (active) is no faster, and the
# engine's threads would take the cores of the library that it is compared with.
unset OMP_WAIT_POLICY
exec bin/bench "$@"
