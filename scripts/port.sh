# shellcheck shell=bash
# Sourced: ports of this machine.

# Says whether something listens. Bash's own, since a fresh machine has no curl.
listens() { # PORT
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Different ports that nothing listens on, below the range that systems take outgoing connections' ports from.
free_ports() { # NUMBER
  local found=() port
  while ((${#found[@]} < $1)); do
    port=$((20000 + RANDOM % 12000))
    if [[ " ${found[*]-} " != *" $port "* ]] && ! listens "$port"; then found+=("$port"); fi
  done
  echo "${found[*]}"
}
