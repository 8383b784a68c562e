#!/usr/bin/env bash
# A training step here and in PyTorch, about 12 minutes on 2 cores: JSON lines on standard output, a table on standard
# error. Arguments go to the program.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/onednn.sh
. scripts/onednn.sh
# shellcheck source=scripts/pytorch.sh
. scripts/pytorch.sh

find_pytorch whole
echo "building bin/bench ..." >&2
go build -o bin/bench ./bench
# See bench.sh. What torch.compile makes is kept, which spares minutes the next time.
unset OMP_WAIT_POLICY
export TORCHINDUCTOR_CACHE_DIR=${TWINVIEW_TOOLS:-$HOME/.cache/twinview/tools}/inductor
exec bin/bench peer --python "$python" --script bench/peer.py "$@"
