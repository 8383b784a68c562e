# shellcheck shell=bash
# Sourced as ". scripts/environment.sh DIR": the environment of the stack in DIR, and nothing of another Temporal or
# MinIO that the user's own environment or configuration file may name.
unset "${!TEMPORAL_@}" "${!MINIO_@}"
set -a
# shellcheck disable=SC1091 # written by stack.sh
. "$1/env"
set +a
export TEMPORAL_CONFIG_FILE="$1/temporal.toml" # there is none
