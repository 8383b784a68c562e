package main

// spec is the experiment of every round: epochs of a few seconds on one thread, with several checkpoints inside each.
const spec = `
name: chaos
dataset: {name: synthetic, train_images: 1200, validation_images: 100, test_images: 100}
encoder: {width: 8}
method: {projector: {hidden: 32, output: 16}}
pretrain: {epochs: 3, batch_size: 50, schedule: {warmup_epochs: 0}}
linear: {epochs: 2, batch_size: 50}
finetune: {epochs: 2, batch_size: 50}
knn: {k: 5, every_epochs: 1}
checkpoints: {keep_last: 2, every_seconds: 0.2}
`
