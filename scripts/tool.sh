#!/usr/bin/env bash
# Prints the path of a tool at its pinned version: tool.sh temporal|minio|versitygw|staticcheck|workflowcheck|depguard,
# and temporal-server|temporal-sql-tool|temporal-ui, which scripts/compose_test.sh makes images of.
#
# The servers are taken from PATH or bin/ where they are there. Everything else is built once from source, kept by
# version in ${TWINVIEW_TOOLS:-~/.cache/twinview/tools} and linked into bin/, so a new version here is a new build.
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1
minutes=1
case $name in
temporal)
  package=github.com/temporalio/cli/cmd/temporal version=v1.5.1 minutes=5
  ;;
minio)
  # The last commit of the archived project.
  package=github.com/minio/minio version=v0.0.0-20260212201848-7aac2a2c5b7c minutes=4
  ;;
versitygw)
  package=github.com/versity/versitygw/cmd/versitygw version=v1.8.0 minutes=2
  ;;
staticcheck)
  package=honnef.co/go/tools/cmd/staticcheck version=v0.8.2
  ;;
workflowcheck)
  package=go.temporal.io/sdk/contrib/tools/workflowcheck version=v0.6.0
  ;;
depguard)
  package=github.com/OpenPeeDeeP/depguard/v2/cmd/depguard version=v2.3.0
  ;;
temporal-server)
  package=go.temporal.io/server/cmd/server version=v1.31.0 minutes=5
  ;;
temporal-sql-tool)
  package=go.temporal.io/server/cmd/tools/sql version=v1.31.0
  ;;
temporal-ui)
  package=github.com/temporalio/ui-server/v2/cmd/server version=v2.49.1 minutes=2
  ;;
*)
  echo "tool.sh: no tool is called \"$name\"; there are temporal, temporal-server, temporal-sql-tool, temporal-ui, minio, versitygw," \
    "staticcheck, workflowcheck and depguard" >&2
  exit 2
  ;;
esac

# A linter of another version finds other things, so only the servers may come from PATH.
case $name in
temporal | minio | versitygw)
  if path=$(command -v "$name"); then
    echo "$path"
    exit
  fi
  ;;
esac

# A plain file in bin/ was put there by hand; a link is ours and may lead to an older version.
if [[ -x bin/$name && ! -L bin/$name ]]; then
  echo "$PWD/bin/$name"
  exit
fi

cache=${TWINVIEW_TOOLS:-$HOME/.cache/twinview/tools}
kept=$cache/$name-$version
if [[ ! -x $kept/$name ]]; then
  echo "building $name $version, once (about $minutes min on 2 cores) ..." >&2
  mkdir -p "$cache"
  building=$(mktemp -d "$cache/.$name.XXXXXX")
  trap 'rm -rf "$building"' EXIT
  # From another folder, so that our go.mod has no say; moved at the end, so that what is kept is whole.
  (cd "$building" && GOFLAGS=-mod=mod CGO_ENABLED=0 GOBIN="$building" go install "$package@$version" >&2)
  mkdir -p "$kept"
  mv -f "$building/${package##*/}" "$kept/$name"
fi
mkdir -p bin
ln -sf "$kept/$name" "bin/$name"
echo "$PWD/bin/$name"
