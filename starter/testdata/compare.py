"""Says whether a PyTorch state dict and a safetensors file hold the same: compare.py MODEL.pt MODEL.safetensors"""
import sys

import torch
from safetensors.torch import load_file

want, found = torch.load(sys.argv[1], weights_only=True), load_file(sys.argv[2])
assert want.keys() == found.keys(), f"{list(want)} but {list(found)}"
for name, tensor in want.items():
    assert tensor.dtype == found[name].dtype and torch.equal(tensor, found[name]), name
print("equal")
