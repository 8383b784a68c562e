"""Makes the files of this folder with torch.save and the safetensors library.

Run it in this folder; it needs torch and safetensors (the files are from torch 2.15). golden_test.go and torch_read_test.go
build the same tensors.
"""

import os
from collections import OrderedDict

import torch
from safetensors.torch import save_file


def counting(*shape):
    n = 1
    for d in shape:
        n *= d
    return (torch.arange(n, dtype=torch.float32) - 3).mul(0.25).reshape(shape)


tensors = OrderedDict()
tensors["conv1.weight"] = counting(2, 3, 3, 3)
tensors["bn1.bias"] = torch.tensor([float("nan"), float("inf"), -0.0, 1e-45, 3.4028234663852886e38])
tensors["bn1.num_batches_tracked"] = torch.tensor(2**40 + 7)
tensors["fc.weight"] = counting(10, 30)
tensors["volume"] = counting(2, 1, 3)
tensors["scalar"] = torch.tensor(0.5)
tensors["labels"] = torch.tensor([-1, 0, 9])
tensors["breadth"] = counting(0, 70000)
tensors["größe"] = counting(1, 1, 1, 1, 2)
# Enough of them for the pickle's memo to need more than a byte.
for i in range(40):
    tensors[f"layer.{i}.bias"] = torch.tensor([float(i)])

torch.save(tensors, "archive.pt")  # torch.save names the folder inside after the file
os.rename("archive.pt", "golden.pt")
save_file(tensors, "golden.safetensors", metadata={"epoch": "3", "note": "größer <1>"})


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 2, 2, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(2)

    def forward(self, x):
        return self.bn1(self.conv1(x))


class Harmful:
    def __reduce__(self):
        return os.system, ("echo harm",)


# What people have: a whole training checkpoint, with a model's state dict (and its _metadata) and an optimiser inside.
model = Small()
with torch.no_grad():
    model.conv1.weight.copy_(counting(2, 1, 2, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
model(torch.ones(2, 1, 3, 3)).sum().backward()
optimizer.step()
with torch.no_grad():
    model.conv1.weight.copy_(counting(2, 1, 2, 2))
model.bn1.reset_parameters()
checkpoint = {
    "epoch": -3, "loss": 0.5, "arch": "small", "best": None, "betas": [0.9, True], "seed": 2**40,
    "state_dict": torch.nn.DataParallel(model).state_dict(), "optimizer": optimizer.state_dict(),
}
matrix = counting(3, 4)
views = {
    "transposed": matrix.T, "column": matrix[:, 1], "block": matrix[1:, 2:], "parameter": torch.nn.Parameter(matrix),
    "double": counting(3).double(), "half": torch.tensor([1.5, -65504.0, 6e-8, -0.0, float("inf")]).half(),
    "bfloat16": torch.tensor([1.5, 3.3895314e38, float("-inf")]).bfloat16(), "long": torch.tensor([[2**40, -1]]),
    "empty": torch.zeros(0, 3),
}
for name, contents in {
    "checkpoint": checkpoint, "views": views, "harmful": {"conv1.weight": matrix, "x": Harmful()}, "whole_model": model,
    "expanded": {"x": torch.zeros(1).expand(1000)}, "bool": {"x": torch.tensor([True])}, "list": [matrix],
}.items():
    torch.save(contents, f"{name}.pt")
torch.save(checkpoint, "legacy.pt", _use_new_zipfile_serialization=False)
save_file({name: views[name] for name in ["double", "half", "bfloat16", "long"]}, "types.safetensors")
