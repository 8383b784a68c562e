#!/usr/bin/env python3
"""Checks what `make demo` left behind: check_demo.py [FOLDER]"""
import json
import math
import pathlib
import sys

# The official archive, and one with the same images in another order.
CIFAR10 = [
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    "0a2a1622b77b4c40b4e65b8714dc7f07a060fb71faf82d423de879ebb79226f8",
]


def require(fine, what):
    if not fine:
        sys.exit(f"check_demo: {what}")


def field(metrics, name):
    value = metrics
    for key in name.split("."):
        require(isinstance(value, dict) and key in value, f"metrics.json has no {name}")
        value = value[key]
    return value


folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
for name in ["simclr_best_epoch.pt", "simclr_lin_best.pt", "metrics.json", "report.html", "report.pdf"]:
    file = folder / name
    require(file.is_file() and file.stat().st_size > 0, f"{file} is missing or empty")

pdf = (folder / "report.pdf").read_bytes()
require(pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF"), "report.pdf is no whole PDF document")
plots = sorted((folder / "plots").glob("*.svg"))
require(plots, "plots/ has no SVG files")
for plot in plots:
    png = plot.with_suffix(".png")
    require(png.is_file() and png.read_bytes().startswith(b"\x89PNG\r\n"), f"{png} is no PNG file")

metrics = json.loads((folder / "metrics.json").read_text())
digest = field(metrics, "dataset.sha256")
require(digest in CIFAR10, f"dataset.sha256 is {digest}: the demo has not run on CIFAR-10")
loss = field(metrics, "pretrain.loss")
require(
    isinstance(loss, list) and loss and all(isinstance(x, (int, float)) and math.isfinite(x) for x in loss),
    f"pretrain.loss is {loss}, not one number an epoch",
)
for name in ["knn.test_accuracy", "linear.test_accuracy", "finetune.test_accuracy"]:
    accuracy = field(metrics, name)
    require(isinstance(accuracy, (int, float)) and 0 <= accuracy <= 1, f"{name} is {accuracy}, not a fraction")
    print(f"{name} {accuracy:.4f}")
linear = field(metrics, "linear.test_accuracy")
require(linear > 0.25, f"linear.test_accuracy is {linear}: not clearly above chance")
