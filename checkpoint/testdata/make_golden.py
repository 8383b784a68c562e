"""Makes golden.pt with torch.save and golden.safetensors with the safetensors library.

Run it in this folder; it needs torch and safetensors. golden_test.go builds the same tensors.
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
