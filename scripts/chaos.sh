#!/usr/bin/env bash
# Does harm to experiments on real servers and compares what they end with. Arguments go to the program.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh
TWINVIEW_TEMPORAL=$(scripts/tool.sh temporal)
export TWINVIEW_TEMPORAL
store=${STORE:-minio}
case $store in
minio)
  TWINVIEW_MINIO=$(scripts/tool.sh minio)
  export TWINVIEW_MINIO
  ;;
versitygw)
  TWINVIEW_VERSITYGW=$(scripts/tool.sh versitygw)
  export TWINVIEW_VERSITYGW
  ;;
esac
go build -o bin/chaos ./chaos
exec bin/chaos --store "$store" --seed "${SEED:-1}" --rounds "${ROUNDS:-10}" --round "${ROUND:-0}" "$@"
