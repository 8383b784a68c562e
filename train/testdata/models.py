"""Computes with PyTorch what models of ours compute: models.py FOLDER ARCHITECTURE

The folder holds models (.pt) and expected.safetensors: images [N, H, W, 3] in 0 … 255, mean and std [3], and, under each
model's file name, the representations or logits that they should give. Prints one line of JSON a model.
"""

import json
import pathlib
import sys

import torch
import torchvision
from safetensors.torch import load_file


class Narrow(torchvision.models.ResNet):
    """torchvision's ResNet at another width than 64, which torchvision itself doesn't offer."""

    def __init__(self, depth, width):
        self.width = width
        super().__init__(torchvision.models.resnet.BasicBlock, depth)
        self.bn1 = torch.nn.BatchNorm2d(width)

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if planes == 64:
            self.inplanes = self.width
        return super()._make_layer(block, planes * self.width // 64, blocks, stride, dilate)


DEPTHS = {"resnet18": [2, 2, 2, 2], "resnet34": [3, 4, 6, 3]}


def cifar_resnet(architecture, width):
    if width == 64:
        net = getattr(torchvision.models, architecture)()
    else:
        net = Narrow(DEPTHS[architecture], width)
    net.conv1 = torch.nn.Conv2d(3, width, 3, 1, 1, bias=False)
    net.maxpool = torch.nn.Identity()
    return net


def projector(state):
    """The head of a state dict: linear layers, with batch norm and ReLU behind each but the last."""
    layers = []
    weights = [t for name, t in state.items() if name.startswith("projector.") and t.ndim == 2]
    for outputs, inputs in (w.shape for w in weights):
        layers += [torch.nn.Linear(inputs, outputs, bias=False), torch.nn.BatchNorm1d(outputs), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-2])


folder = pathlib.Path(sys.argv[1])
expected = load_file(folder / "expected.safetensors")
images = (expected["images"] / 255 - expected["mean"]) / expected["std"]
for path in sorted(folder.glob("*.pt")):
    state = torch.load(path, weights_only=True)
    net = cifar_resnet(sys.argv[2], len(state["conv1.weight"]))
    if "fc.weight" in state:
        net.fc = torch.nn.Linear(*reversed(state["fc.weight"].shape))
    else:
        net.fc = torch.nn.Identity()
        net.projector = projector(state)
    net.load_state_dict(state, strict=True)
    net.eval()
    with torch.no_grad():
        found = net(images.permute(0, 3, 1, 2))
    want = expected[path.name]
    assert found.shape == want.shape, f"{path.name}: shape {found.shape}, ours {want.shape}"
    print(json.dumps({"model": path.name, "difference": (found - want).abs().max().item(), "largest": want.abs().max().item()}))
