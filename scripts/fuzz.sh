#!/usr/bin/env bash
# Every fuzz test for FUZZTIME (60s), one after the other. Arguments choose packages, such as ./checkpoint.
# An input that fails is left under testdata/fuzz of its package, from where `go test` runs it ever after: check it in.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh
export OMP_WAIT_POLICY=passive

if [ $# -eq 0 ]; then
  # shellcheck disable=SC2046 # no package has a blank in its name
  set -- $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u)
fi
for package in "$@"; do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz'); do
    echo "== $package $target for ${FUZZTIME:-60s}"
    go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-60s}"
  done
done
