#!/usr/bin/env bash
# What single hyperparameters are worth in a short SimCLR pretraining: configs/cpu-simclr.yaml on 10,000 images for 390 steps of
# 512 views of 16×16 pixels, and the same with one thing changed, all on the stack of `make up`. Prints a table of accuracies
# on the validation split. What ran there before is not run again. About 50 minutes on 2 cores.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/up.sh >&2
# shellcheck source=scripts/environment.sh
. scripts/environment.sh .stack

base=(dataset.train_images=10000 dataset.test_images=1000 augment.size=16 pretrain.epochs=10 'pretrain.progressive_resizing=[]'
  knn.every_epochs=10 linear.epochs=30 finetune.epochs=0 ablation=null)
names=() what=()

# trial NAME WHAT [SET...] runs one, or waits for the one that runs.
trial() {
  local name=trial-$1 sets=() set
  names+=("$name") what+=("$2")
  shift 2
  for set in "${base[@]}" "$@"; do sets+=(--set "$set"); done
  bin/starter show "$name" >/dev/null 2>&1 || bin/starter run configs/cpu-simclr.yaml --name "$name" "${sets[@]}" >&2
  bin/starter watch "$name" >&2
}

trial base "as it is: temperature 0.2, learning rate 0.12, 2 views an image"
trial seed-2 "seed 2" seed=2
trial temperature-0-5 "temperature 0.5" method.temperature=0.5
trial temperature-0-1 "temperature 0.1" method.temperature=0.1
trial rate-0-06 "learning rate 0.06" pretrain.optimizer.learning_rate=0.06
trial rate-0-24 "learning rate 0.24" pretrain.optimizer.learning_rate=0.24
trial views-4 "4 views an image, half as many images a step" augment.views=4 pretrain.batch_size=128 pretrain.epochs=5
trial size-24 "views of 24×24 for as long: 4.5 instead of 10 epochs, rounded up" augment.size=24 pretrain.epochs=5
trial growing "views of 16×16, then 24×24, for as long: 6 and 2 epochs" augment.size=24 pretrain.epochs=8 \
  'pretrain.progressive_resizing=[{epochs: 6, size: 16}]'

files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
for name in "${names[@]}"; do
  bin/starter get "$name" metrics.json --out "$files/$name" >&2
done
python3 - "$files" "${names[@]}" -- "${what[@]}" <<'END'
import json, sys

folder, names = sys.argv[1], sys.argv[2:]
names, what = names[: names.index("--")], names[names.index("--") + 1 :]
print("| what | loss at the end | kNN | linear | steps | seconds |")
print("| --- | --- | --- | --- | --- | --- |")
for name, words in zip(names, what):
    m = json.load(open(f"{folder}/{name}/metrics.json"))
    pretrain, seconds = m["pretrain"], sum(m["throughput"]["pretrain_seconds"])
    print(f"| {words} | {pretrain['loss'][-1]:.3f} | {100 * m['knn']['validation_accuracy']:.1f} % | "
          f"{100 * m['linear']['validation_accuracy']:.1f} % | {pretrain['steps']} | {seconds:.0f} |")
END
