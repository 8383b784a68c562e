"""Prints, as JSON, what torch finds in a file: load.py FILE [resnet18]

With "resnet18" the file must hold exactly the state dict of torchvision's ResNet-18 with the CIFAR stem. load.py resnet18
alone prints the names, types and shapes of that state dict.
"""

import hashlib
import json
import sys

import torch


def resnet18():
    from torchvision.models import resnet18

    model = resnet18(num_classes=10)
    model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    return model


def describe(name, tensor):
    digest = hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()
    return {"name": name, "type": str(tensor.dtype), "shape": list(tensor.shape), "sha256": digest}


if sys.argv[1:] == ["resnet18"]:
    state = resnet18().state_dict()
else:
    state = torch.load(sys.argv[1], weights_only=True)
    mapped = torch.load(sys.argv[1], weights_only=True, mmap=True)
    for name, tensor in state.items():
        assert describe(name, tensor) == describe(name, mapped[name]), f"{name} differs when mapped into memory"
    if "resnet18" in sys.argv[2:]:
        resnet18().load_state_dict(state, strict=True)

json.dump([describe(name, tensor) for name, tensor in state.items()], sys.stdout)
