# shellcheck shell=bash
# Sourced by what needs PyTorch. find_pytorch sets python to one that has the newest torch and torchvision, numpy and
# safetensors: what TWINVIEW_PYTHON names, or that of a virtual environment in ${TWINVIEW_TOOLS:-~/.cache/twinview/tools},
# made once. Remove the environment for a newer one.

# The environment's name ends in the version that pip has chosen, so it is known only at the end: moving it would break
# it, so it is a folder with a link.
make_environment() { # KIND CACHE
  local building version log
  mkdir -p "$2"
  building=$(mktemp -d "$2/pytorch.XXXXXX")
  log=$(
    python3 -m venv "$building" || exit 1
    case $1 in
    whole) "$building/bin/pip" install --quiet torch torchvision numpy safetensors ;;
    cpu) "$building/bin/python" scripts/install_pytorch.py ;;
    esac 2>&1
  ) || {
    rm -rf "$building"
    printf '%s\n' "$log" "PyTorch could not be installed (on Debian, python3-venv may be missing)" >&2
    return 1
  }
  version=$("$building/bin/python" -c 'import torch; print(torch.__version__)')
  ln -sfn "$building" "$2/pytorch-$1-$version"
}

newest_environment() { # KIND CACHE
  find "$2" -maxdepth 1 -name "pytorch-$1-*" 2>/dev/null | sort -V | tail -n 1
}

# whole is all of it, for measuring; cpu does without CUDA's libraries (see install_pytorch.py).
find_pytorch() { # whole|cpu
  local cache=${TWINVIEW_TOOLS:-$HOME/.cache/twinview/tools}
  python=${TWINVIEW_PYTHON:-}
  if [[ -n $python ]]; then return; fi
  if [[ -z $(newest_environment "$1" "$cache") ]]; then
    echo "installing PyTorch, once (0.6 GB; all of it, for measuring: 3 GB) ..." >&2
    make_environment "$1" "$cache"
  fi
  python=$(newest_environment "$1" "$cache")/bin/python
}
