#!/usr/bin/env bash
# Runs docker-compose.yml for real, in a container engine of its own that leaves nothing behind: images are built, everything is
# started, an experiment is trained while its worker is killed twice, and its models are compared with those of an undisturbed
# run. Images are pulled where a registry can be reached; for the others deploy/standin makes the same programs. Needs root.
# TWINVIEW_IMAGES=FOLDER keeps the images there, and the next time only what has changed is made anew.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/process.sh
. scripts/process.sh
# shellcheck source=scripts/port.sh
. scripts/port.sh

say() { echo "== $*" >&2; }

fail() {
  echo "compose_test.sh: $*" >&2
  exit 1
}

install_engine() {
  local missing=() pair
  for pair in dockerd:docker.io docker-compose:docker-compose debootstrap:debootstrap curl:curl; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null || fail "needs ${missing[*]} (names of Debian's packages); install them"
  say "installing ${missing[*]}"
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends -qq "${missing[@]}" >/dev/null
}

# With folders, a socket and no bridge or firewall rule of the machine's: an engine that runs here already is left alone. Without
# rules there is no way out of containers but --network host, which builds have; ports are published by docker-proxy.
start_engine() {
  say "starting a container engine"
  export DOCKER_HOST=unix://$dir/docker.sock
  start_process "$dir" dockerd dockerd --bridge none --ip-forward=false --iptables=false --ip6tables=false \
    --data-root "$images" --exec-root "$dir/run" --pidfile "$dir/docker.pid" --host "$DOCKER_HOST"
  wait_healthy "$dir" dockerd 60 engine_answers
}

engine_answers() { docker version >/dev/null 2>&1; }

compose() {
  docker-compose --project-name twinview-test --env-file "$dir/env" \
    --file docker-compose.yml --file deploy/standin/isolated.yml "$@"
}

end() {
  local status=$?
  trap '' INT TERM
  trap - EXIT
  if ((status)) && engine_answers; then
    compose ps >&2 || true
    compose logs --tail 15 >&2 || true
  fi
  say "taking everything down"
  if engine_answers; then
    compose --profile observability down --volumes --timeout 10 >/dev/null 2>&1 || true
  fi
  stop_process "$dir" dockerd 60
  rm -rf "$dir"
  exit "$status"
}

# Clients before version 23 have BuildKit in them, later ones where buildx is installed. The old builder does it too, and slower.
choose_builder() {
  local client
  for client in docker /usr/bin/docker; do
    command -v "$client" >/dev/null || continue
    if "$client" buildx version >/dev/null 2>&1 ||
      (($("$client" version --format '{{.Client.Version}}' | cut -d. -f1) < 23)); then
      builder=(env DOCKER_BUILDKIT=1 "$client")
      return
    fi
  done
  builder=(env DOCKER_BUILDKIT=0 docker)
}

build() {
  "${builder[@]}" build --network host ${proxies[@]+"${proxies[@]}"} "$@" >"$dir/build.log" 2>&1 || {
    tail -30 "$dir/build.log" >&2
    return 1
  }
}

# The image of a service in docker-compose.yml, or the one that the Dockerfile's stage starts from.
image_of() {
  awk -v service="  $1:" '$0 == service { found = 1 } found && $1 == "image:" { print $2; exit }' docker-compose.yml
}
base_of() { awk -v stage="$1" '$1 == "FROM" && $4 == stage { print $2 }' Dockerfile; }

pulled() {
  timeout 600 docker pull --quiet "$1" >/dev/null 2>"$dir/pull.log" && say "pulled $1" && return
  say "no $1: $(tail -1 "$dir/pull.log")"
  return 1
}

# Debian from the mirror, with the settings and the certificate authorities that this machine has.
make_debian() { # IMAGE
  local mirror
  if docker image inspect "$1" >/dev/null 2>&1; then return; fi
  say "making $1"
  # shellcheck disable=SC2016 # which apt-get fills in
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' 2>/dev/null | head -1 || true)
  debootstrap --variant=minbase bookworm "$dir/debian" ${mirror:+"$mirror"} >"$dir/debootstrap.log" || {
    tail -5 "$dir/debootstrap.log" >&2
    return 1
  }
  rm -rf "$dir"/debian/var/cache/apt/archives/*.deb "$dir"/debian/var/lib/apt/lists/*
  { apt-config dump | grep -E '^Acquire::(https?|Retries)' || true; } >"$dir/debian/etc/apt/apt.conf.d/90host"
  mkdir -p "$dir/debian/usr/local/share/ca-certificates"
  cp --recursive /usr/local/share/ca-certificates/. "$dir/debian/usr/local/share/ca-certificates/" 2>/dev/null || true
  tar --directory "$dir/debian" --create . | docker import - "$1" >/dev/null
  rm -rf "$dir/debian"
}

# Go of the image's version: this machine's where it is the same, else one that the Go module proxy has.
make_golang() { # IMAGE
  local arguments=() name version=${1#*:}
  say "making $1"
  for name in GOPROXY GOSUMDB GONOSUMDB; do arguments+=(--build-arg "$name=$(go env "$name")"); done
  build "${arguments[@]}" --file deploy/standin/golang.Dockerfile --tag "$1" "$(GOTOOLCHAIN=go${version%%-*} go env GOROOT)"
}

# Where the sources lie that a program was built from.
sources_of() { # TOOL
  local module
  module=$(go version -m "$(scripts/tool.sh "$1")" | awk '$1 == "mod" { print $2 "@" $3 }')
  (cd "$dir" && GOFLAGS=-mod=mod go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
}

# The programs that a service's stand-in copies, at the versions of docker-compose.yml.
gather() { # SERVICE FOLDER
  local programs=()
  cp "deploy/standin/$1".* "$2/"
  case $1 in
  temporal) programs=(temporal-server) ;;
  temporal-schema)
    programs=(temporal-sql-tool)
    cp --recursive --no-preserve=mode "$(sources_of temporal-sql-tool)/schema" "$2/"
    ;;
  temporal-ui)
    programs=(temporal-ui)
    cp --recursive --no-preserve=mode "$(sources_of temporal-ui)/config" "$2/"
    ;;
  minio) programs=(minio) ;;
  esac
  local name
  for name in ${programs[@]+"${programs[@]}"}; do cp --dereference "$(scripts/tool.sh "$name")" "$2/"; done
}

make_server() { # SERVICE IMAGE
  if [[ $1 != postgres ]] && ! docker image inspect standin-server >/dev/null 2>&1; then
    build --tag standin-server - <deploy/standin/server.Dockerfile
  fi
  say "making $2"
  mkdir "$dir/context"
  gather "$1" "$dir/context"
  build --file "$dir/context/$1.Dockerfile" --tag "$2" "$dir/context"
  rm -rf "$dir/context"
}

make_images() {
  local image service
  image=$(base_of worker)
  pulled "$image" || make_debian "$image"
  image=$(base_of build)
  pulled "$image" || make_golang "$image"
  for service in postgres temporal-schema temporal temporal-ui minio prometheus; do
    image=$(image_of "$service")
    pulled "$image" || make_server "$service" "$image"
  done
  grafana=yes
  pulled "$(image_of grafana)" || grafana=""
  say "building twinview-starter and twinview-worker"
  build --target starter --tag twinview-starter .
  build --target worker --tag twinview-worker .
}

# As .env.example says, on ports of its own.
write_env() {
  local temporal ui minio prometheus grafana
  read -r temporal ui minio prometheus grafana <<<"$(free_ports 5)"
  awk '/change-me$/ {"openssl rand -hex 24" | getline s; close("openssl rand -hex 24"); sub(/change-me$/, s)} 1' .env.example |
    sed -e "/^TEMPORAL/s/7233\$/$temporal/" -e "/^TEMPORAL_UI/s/8233\$/$ui/" -e "/^MINIO/s/9000\$/$minio/" \
      -e "/^PROMETHEUS/s/9090\$/$prometheus/" -e "/^GRAFANA/s/3000\$/$grafana/" \
      -e "s#^CIFAR10_FOLDER=.*#CIFAR10_FOLDER=$dir/data#" >"$dir/env"
  chmod 600 "$dir/env"
  mkdir "$dir/data"
}

run() { bin/starter run configs/synthetic.yaml --name "$1" --set pretrain.epochs=6 --set dataset.train_images=2000; }

epoch_is_stored() { bin/starter get "$1" "pretrain/epoch-000$2.safetensors" --out "$dir/first" >/dev/null 2>&1; }

until_trained() { # NAME EPOCH
  wait_until 300 epoch_is_stored "$1" "$2" || fail "$1 has not trained $2 epochs in five minutes"
}

# Not whether the data set can be had: the experiment draws its images by code.
diagnose() { bin/starter doctor --only temporal,attributes,workers,store; }

stack_is_ready() { diagnose >/dev/null 2>&1; }

restarts() { docker inspect --format '{{.RestartCount}}' "$(compose ps --quiet worker)"; }

has_restarted() { (($(restarts) > 0)); }

disturb() { # NAME
  local container
  container=$(compose ps --quiet worker)
  until_trained "$1" 2
  say "killing the worker's process, as if memory had run out: the engine has to start it again"
  kill -KILL "$(docker inspect --format '{{.State.Pid}}' "$container")"
  wait_until 60 has_restarted || fail "the worker's container was not started again"
  until_trained "$1" 4
  say "killing and removing the worker's container, and making another"
  compose kill worker >&2
  compose rm --force worker >&2
  compose up --detach --no-build worker >&2
}

scraped() {
  curl --silent --fail "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query" --data-urlencode 'query=up{job="twinview"}' |
    grep --quiet '"1"\]'
}

check_observability() {
  compose --profile observability up --detach --no-build --no-recreate prometheus ${grafana:+grafana} >&2
  wait_until 120 scraped || fail "Prometheus has not scraped the worker in two minutes"
  say "Prometheus scrapes the worker"
  if [[ -z $grafana ]]; then
    say "SKIPPED: Grafana, whose image can't be pulled here and is in no Debian"
    return
  fi
  wait_until 120 dashboard_is_there || fail "Grafana does not show the dashboard"
  say "Grafana has the dashboard"
}

dashboard_is_there() {
  curl --silent --fail --user "admin:$GRAFANA_PASSWORD" "http://127.0.0.1:$GRAFANA_PORT/api/search?query=twinview" |
    grep --quiet --ignore-case twinview
}

((EUID == 0)) || fail "a container engine of its own needs root: sudo make compose-test, or as root in a virtual machine"
install_engine
dir=$(mktemp -d "${TMPDIR:-/tmp}/twinview-compose.XXXXXX")
images=${TWINVIEW_IMAGES:-$dir/docker}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
proxies=()
for name in http_proxy https_proxy no_proxy; do [[ -z ${!name:-} ]] || proxies+=(--build-arg "$name=${!name}"); done
write_env
CGO_ENABLED=0 go build -o bin/starter ./starter
start_engine
choose_builder
make_images

say "starting the stack"
. scripts/environment.sh "$dir"
compose up --detach --no-build >&2
wait_until 300 stack_is_ready || fail "the stack is not ready after five minutes: $(diagnose 2>&1)"
diagnose
curl --fail --silent --show-error --output /dev/null "$TEMPORAL_UI_ADDRESS"
say "the web UI answers"

say "training, with a worker that is killed on the way"
run disturbed
disturb disturbed
bin/starter watch disturbed
say "training again, undisturbed"
run undisturbed
bin/starter watch undisturbed >/dev/null
for name in disturbed undisturbed; do bin/starter get "$name" --out "$dir/$name"; done
for model in simclr_best_epoch.pt simclr_lin_best.pt finetune_best.pt; do
  cmp "$dir/disturbed/$model" "$dir/undisturbed/$model"
done
[[ $(compose exec -T worker id --user) == 10001 ]] || fail "the worker does not run as its own user"
check_observability
say "passed: the experiment has outlived its workers, and its models have the bits of an undisturbed run"
