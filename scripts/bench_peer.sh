#!/usr/bin/env bash
# A training step here and in PyTorch, about 12 minutes on 2 cores: JSON lines on standard output, a table on standard
# error. Arguments go to the program.
#
# PyTorch is the newest there is, in a virtual environment in ${TWINVIEW_TOOLS:-~/.cache/twinview/tools} of its own, or
# what TWINVIEW_PYTHON (a Python) has. Remove the environment for a newer one.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh

cache=${TWINVIEW_TOOLS:-$HOME/.cache/twinview/tools}

# The environment's name ends in the version that pip has chosen, so it is known only at the end: moving it would break
# it, so it is a folder with a link.
make_environment() {
  local building version
  echo "installing PyTorch, once (about 3 GB and some minutes) ..." >&2
  mkdir -p "$cache"
  building=$(mktemp -d "$cache/pytorch.XXXXXX")
  if ! { python3 -m venv "$building" && "$building/bin/pip" install --quiet torch torchvision numpy >&2; }; then
    rm -rf "$building"
    echo "PyTorch could not be installed (on Debian, python3-venv may be missing)" >&2
    exit 1
  fi
  version=$("$building/bin/python" -c 'import torch; print(torch.__version__)')
  ln -sfn "$building" "$cache/pytorch-$version"
}

newest_environment() {
  find "$cache" -maxdepth 1 -name 'pytorch-*' 2>/dev/null | sort -V | tail -n 1
}

python=${TWINVIEW_PYTHON:-}
if [[ -z $python ]]; then
  [[ -n $(newest_environment) ]] || make_environment
  python=$(newest_environment)/bin/python
fi

echo "building bin/bench ..." >&2
go build -o bin/bench ./bench
# See bench.sh. What torch.compile makes is kept, which spares minutes the next time.
unset OMP_WAIT_POLICY
export TORCHINDUCTOR_CACHE_DIR=$cache/inductor
exec bin/bench peer --python "$python" --script bench/peer.py "$@"
