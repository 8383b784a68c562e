#!/usr/bin/env bash
# Starts the stack for daily work in .stack/, and tells how to use it. Running already, it stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/archive.sh
. scripts/archive.sh

scripts/build.sh
scripts/stack.sh start .stack
scripts/stack.sh worker .stack
# shellcheck disable=SC1091 # written by stack.sh
. .stack/env
cat <<END

The stack is up; \`make down\` stops it and keeps its data, \`make clean\` removes them.
  Temporal       $TEMPORAL_ADDRESS
  web UI         $TEMPORAL_UI_ADDRESS
  MinIO          $MINIO_ENDPOINT, bucket $MINIO_BUCKET, credentials in .stack/env (for other programs: set -a; . .stack/env)
  worker's log   .stack/worker.log

Use it, from this folder:
  bin/starter doctor
  bin/starter run configs/demo.yaml --name first --watch
END
