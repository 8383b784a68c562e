# shellcheck shell=bash
# Sourced: starting, watching and stopping the processes of a stack. NAME's process ID and log are DIR/NAME.pid and
# DIR/NAME.log.

# Runs a command in the background, in a process group of its own: Ctrl-C in the terminal must not reach the servers
# before the worker has stopped.
start_process() { # DIR NAME COMMAND...
  local dir=$1 name=$2
  shift 2
  set -m
  nohup "$@" >>"$dir/$name.log" 2>&1 </dev/null &
  set +m
  printf '%s\n%s\n' "$!" "$(start_time "$!")" >"$dir/$name.pid"
  disown
}

# When a process was started; an error where it is gone or a zombie.
start_time() { # PID
  local stat fields state
  if [[ -d /proc/self ]]; then
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # What follows the program's name, which may hold spaces: the state is proc(5)'s field 3, the start time its 22.
    read -r -a fields <<<"${stat##*) }"
    [[ ${fields[0]} != Z ]] && echo "${fields[19]}"
  else
    state=$(ps -o state= -p "$1") || return 1
    [[ $state != Z* ]] && ps -o lstart= -p "$1"
  fi
}

# Process IDs are used again, so the start time must be the right one too.
is_running() { # DIR NAME
  local pid started
  [[ -f $1/$2.pid ]] || return 1
  { read -r pid && read -r started; } <"$1/$2.pid" || return 1
  [[ $(start_time "$pid") == "$started" ]]
}

# Asks it to stop, waits, and then kills it and whatever it started.
stop_process() { # DIR NAME SECONDS
  local pid
  if is_running "$1" "$2"; then
    read -r pid <"$1/$2.pid"
    kill -TERM "$pid" 2>/dev/null || true
    if ! wait_until "$3" not_running "$1" "$2"; then
      echo "$2 has not stopped within $3 s: killing it" >&2
      kill -KILL -- "-$pid" 2>/dev/null || true
      wait_until 5 not_running "$1" "$2" || true
    fi
  fi
  rm -f "$1/$2.pid"
}

not_running() {
  ! is_running "$@"
}

wait_until() { # SECONDS CONDITION...
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.2
  done
}

# Waits until a process that was just started is ready; where it ends or takes too long, says so with its log's end.
wait_healthy() { # DIR NAME SECONDS CONDITION...
  local dir=$1 name=$2 end=$((SECONDS + $3)) seconds=$3 what
  shift 3
  until "$@"; do
    if ! is_running "$dir" "$name"; then
      what="has ended"
    elif ((SECONDS >= end)); then
      what="is not ready after $seconds s"
    else
      sleep 0.2
      continue
    fi
    {
      echo "$name $what. The end of $dir/$name.log:"
      tail -n 20 "$dir/$name.log"
    } >&2
    return 1
  done
}
