#!/usr/bin/env bash
# The whole of it, once: a stack and a worker of its own, the experiment of configs/demo.yaml, its results into demo/.
# Stops what it started, however it ends; its exit code is the run's.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/archive.sh
. scripts/archive.sh

official=https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz
name=demo-$(date +%Y%m%d-%H%M%S)
child=""
mkdir -p .stack
dir=$PWD/.stack/$name-$$

# Bash runs traps only between foreground commands, and at once while it waits for a background one.
attend() { # COMMAND...
  local code=0
  "$@" &
  child=$!
  wait "$child" || code=$?
  child=""
  return "$code"
}

# A script that is told to stop leaves its compiler running, which would go on for minutes.
end_tree() { # PID
  local pid
  for pid in $(pgrep -P "$1" 2>/dev/null); do
    end_tree "$pid"
  done
  kill -TERM "$1" 2>/dev/null || true
}

finish() {
  local code=$?
  trap '' INT TERM
  trap - EXIT
  if [[ -n $child ]]; then
    end_tree "$child"
    wait "$child" || true
  fi
  if [[ -d $dir ]]; then
    echo "stopping the demo's servers ..."
    scripts/stack.sh stop "$dir"
  fi
  case $code in
  0 | 130 | 143) rm -rf "$dir" ;;
  *) echo "the demo failed; its logs are in ${dir#"$PWD/"} until \`make clean\`" >&2 ;;
  esac
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

reachable() {
  if command -v curl >/dev/null; then
    curl --silent --fail --head --location --max-time 10 --output /dev/null "$official"
  else
    timeout 10 bash -c 'exec 3<>/dev/tcp/www.cs.toronto.edu/443' 2>/dev/null
  fi
}

data=()
if [[ -n ${CIFAR10_ARCHIVE:-} ]]; then
  echo "data: CIFAR-10 from $CIFAR10_ARCHIVE"
elif reachable; then
  echo "data: CIFAR-10 from $official"
else
  echo "data: NOT CIFAR-10. There is no local copy (CIFAR10_ARCHIVE, data/cifar-10-binary.tar.gz) and no way to"
  echo "      $official: this demo uses synthetic images."
  data=(--set dataset.name=synthetic)
fi

attend scripts/build.sh
attend scripts/stack.sh start "$dir"
attend scripts/stack.sh worker "$dir"
. scripts/environment.sh "$dir"
echo "Temporal's web UI while this runs: $TEMPORAL_UI_ADDRESS"

attend bin/starter run configs/demo.yaml --name "$name" --watch ${data[@]+"${data[@]}"}
attend bin/starter get "$name" --out demo
echo "models, metrics.json, report.html and report.pdf are in demo/"
