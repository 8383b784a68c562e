#!/usr/bin/env bash
# Temporal, an object store and a worker on free ports of this machine alone: stack.sh start|worker|stop DIR
#
# DIR holds everything: env (addresses and generated credentials), data, logs and process IDs. Started again on the
# same DIR, the stack has the same ports, credentials, object store and data. TWINVIEW_STORE=versitygw takes that
# instead of MinIO, when DIR is made.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077
# shellcheck source=scripts/process.sh
. scripts/process.sh
# shellcheck source=scripts/port.sh
. scripts/port.sh

secret() { # BYTES
  od -An -v -N "$1" -tx1 /dev/urandom | tr -d ' \n'
}

answers() { # PORT PATH
  local status=""
  { # A subshell, because a refused connection ends a shell that runs exec.
    status=$(
      exec 3<>"/dev/tcp/127.0.0.1/$1"
      printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&3
      head -n 1 <&3
    )
  } 2>/dev/null
  [[ $status == *" 200"* ]]
}

temporal_ready() { # TEMPORAL
  "$1" operator namespace describe --namespace default --address "$TEMPORAL_ADDRESS" \
    --command-timeout 5s >/dev/null 2>&1 && answers "${TEMPORAL_UI_ADDRESS##*:}" /
}

# The worker has connected to both servers once it polls.
worker_polls() { # TEMPORAL
  "$1" task-queue describe --task-queue twinview-train --address "$TEMPORAL_ADDRESS" --command-timeout 5s \
    --output json 2>/dev/null | grep -q '"identity"'
}

write_env() { # DIR STORE
  # Ports are drawn before the file is there, so that an interruption leaves no half of it.
  local temporal ui minio
  read -r temporal ui minio <<<"$(free_ports 3)"
  cat >"$1/env.new" <<END
TEMPORAL_ADDRESS=127.0.0.1:$temporal
TEMPORAL_UI_ADDRESS=http://127.0.0.1:$ui
MINIO_ENDPOINT=127.0.0.1:$minio
MINIO_ACCESS_KEY=twinview-$(secret 6)
MINIO_SECRET_KEY=$(secret 24)
MINIO_BUCKET=simclr
TWINVIEW_STORE=$2
END
  mv "$1/env.new" "$1/env"
}

require_free() { # NAME ADDRESS
  if listens "${2##*:}"; then
    echo "$1 had port ${2##*:} before, and another program has it now: stop that, or put a free port into $dir/env" >&2
    exit 1
  fi
}

start_temporal() {
  ! is_running "$dir" temporal || return 0
  require_free Temporal "$TEMPORAL_ADDRESS"
  require_free "Temporal's web UI" "$TEMPORAL_UI_ADDRESS"
  # What lists know of experiments: package attribute, which a test compares. `starter doctor --fix` does it elsewhere.
  start_process "$dir" temporal "$temporal" server start-dev \
    --search-attribute Method=Keyword --search-attribute Encoder=Keyword --search-attribute Dataset=Keyword \
    --search-attribute Stage=Keyword --search-attribute Paused=Bool --search-attribute Diverged=Bool \
    --search-attribute Loss=Double --search-attribute BestAccuracy=Double \
    --ip 127.0.0.1 --port "${TEMPORAL_ADDRESS##*:}" \
    --ui-port "${TEMPORAL_UI_ADDRESS##*:}" --db-filename "$dir/temporal.db" --log-level warn
}

# The object store that DIR was made with, whose data are there; MinIO, where an older version made it.
kept_store() {
  local store
  store=$(sed -n 's/^TWINVIEW_STORE=//p' "$dir/env")
  echo "${store:-minio}"
}

# Says which object store to run, and refuses another one than DIR was made with.
choose_store() {
  local kept=${TWINVIEW_STORE:-minio}
  if [[ -f $dir/env ]]; then
    kept=$(kept_store)
  fi
  if [[ ${TWINVIEW_STORE:-$kept} != "$kept" ]]; then
    echo "$dir has its data in $kept: leave TWINVIEW_STORE out, or remove the data with \`make clean\`" >&2
    return 1
  fi
  case $kept in
  minio | versitygw) echo "$kept" ;;
  *)
    echo "TWINVIEW_STORE=$kept: no such object store; there are minio and versitygw" >&2
    return 1
    ;;
  esac
}

start_minio() {
  MINIO_ROOT_USER=$MINIO_ACCESS_KEY MINIO_ROOT_PASSWORD=$MINIO_SECRET_KEY MINIO_BROWSER=off MINIO_UPDATE=off \
    start_process "$dir" minio env -u MINIO_ACCESS_KEY -u MINIO_SECRET_KEY \
    "$1" server --address "$MINIO_ENDPOINT" --certs-dir "$dir/certs" "$dir/minio"
}

# Its health is asked for at MinIO's path, which no bucket of ours has.
start_versitygw() {
  mkdir -p "$dir/versitygw"
  ROOT_ACCESS_KEY=$MINIO_ACCESS_KEY ROOT_SECRET_KEY=$MINIO_SECRET_KEY \
    start_process "$dir" versitygw env -u MINIO_ACCESS_KEY -u MINIO_SECRET_KEY \
    "$1" --quiet --health /minio/health/ready --port "$MINIO_ENDPOINT" posix "$dir/versitygw"
}

start_store() { # STORE PROGRAM
  ! is_running "$dir" "$1" || return 0
  require_free "The object store $1" "$MINIO_ENDPOINT"
  "start_$1" "$2"
}

start() {
  local temporal store program
  store=$(choose_store)
  temporal=$(scripts/tool.sh temporal)
  program=$(scripts/tool.sh "$store")
  [[ -f $dir/env ]] || write_env "$dir" "$store"
  . scripts/environment.sh "$dir"
  echo "starting Temporal on $TEMPORAL_ADDRESS and $store on $MINIO_ENDPOINT ..." >&2
  start_temporal
  start_store "$store" "$program"
  wait_healthy "$dir" temporal 60 temporal_ready "$temporal"
  wait_healthy "$dir" "$store" 60 answers "${MINIO_ENDPOINT##*:}" /minio/health/ready
}

start_worker() {
  . scripts/environment.sh "$dir"
  # OpenMP's threads spin while they wait for each other. Beside any other busy program that halves the training's speed
  # again, and alone it gains nothing.
  export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
  echo "starting a worker ..." >&2
  is_running "$dir" worker || start_process "$dir" worker "$PWD/bin/worker"
  wait_healthy "$dir" worker 60 worker_polls "$(scripts/tool.sh temporal)"
}

# The worker first: it hands back what it is doing.
stop() {
  stop_process "$dir" worker 30
  stop_process "$dir" temporal 15
  stop_process "$dir" minio 15
  stop_process "$dir" versitygw 15
}

if (($# != 2)); then
  sed -n '2s/^# //p' "$0" >&2
  exit 2
fi
mkdir -p "$2"
dir=$(cd "$2" && pwd)
case $1 in
start) start ;;
worker) start_worker ;;
stop) stop ;;
*)
  echo "stack.sh: unknown command \"$1\"; there are start, worker and stop" >&2
  exit 2
  ;;
esac
