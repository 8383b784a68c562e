#!/usr/bin/env bash
# All tests, those against the real Temporal, MinIO and versitygw included. Arguments go to go test.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/archive.sh
. scripts/archive.sh
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh

scripts/build.sh
TWINVIEW_TEMPORAL=$(scripts/tool.sh temporal)
TWINVIEW_MINIO=$(scripts/tool.sh minio)
TWINVIEW_VERSITYGW=$(scripts/tool.sh versitygw)
export TWINVIEW_TEMPORAL TWINVIEW_MINIO TWINVIEW_VERSITYGW TWINVIEW_REQUIRE_SERVERS=1
# Packages are tested side by side: threads that spin would take the cores from each other.
export OMP_WAIT_POLICY=passive
go test -timeout 30m "$@" ./...
