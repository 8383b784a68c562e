"""Writes golden.json: what PyTorch and torchvision compute for the networks and losses of package model.

Run with torch and torchvision installed: python golden.py > golden.json
"""

import json
import sys

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock

torch.set_default_dtype(torch.float64)

WIDTH, SIZE, VIEWS, CLASSES = 2, 8, 6, 3
HIDDEN, OUTPUT = 5, 4
TEMPERATURE, LAMBDA = 0.2, 0.05


def draw(seed, *shape):
    """Numbers in [-0.5, 0.5) from a generator simple enough to be written again in the Go test."""
    values, state = [], seed
    for _ in range(torch.Size(shape).numel()):
        state = (1103515245 * state + 12345) % 2**31
        values.append(state / 2**31 - 0.5)
    return torch.tensor(values).reshape(shape)


def cifar_stem(resnet):
    resnet.conv1 = nn.Conv2d(3, resnet.conv1.out_channels, 3, 1, 1, bias=False)
    resnet.maxpool = nn.Identity()
    return resnet


class Encoder(nn.Module):
    """torchvision's ResNet-18 with the CIFAR stem, at a width that torchvision doesn't offer."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for stage in range(4):
            outputs, stride = width << stage, 1 if stage == 0 else 2
            downsample = None
            if stride != 1:
                downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            blocks = [BasicBlock(inputs, outputs, stride, downsample), BasicBlock(outputs, outputs)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = outputs

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x.mean((2, 3))


class Pretraining(Encoder):
    def __init__(self, width):
        super().__init__(width)
        self.projector = nn.Sequential(
            nn.Linear(8 * width, HIDDEN, bias=False),
            nn.BatchNorm1d(HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, OUTPUT, bias=False),
        )


class Classifier(Encoder):
    def __init__(self, width):
        super().__init__(width)
        self.fc = nn.Linear(8 * width, CLASSES)


def nt_xent(z, temperature=TEMPERATURE, views=2):
    """SimCLR's loss as a cross entropy over all other views, the mean over the other views of the image."""
    z = F.normalize(z)
    similarity = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), float("-inf"))
    rows, images = torch.arange(len(z)), len(z) // views
    return sum(F.cross_entropy(similarity, rows.roll(v * images)) for v in range(1, views)) / (views - 1)


def barlow_twins(z, weight=LAMBDA):
    """As main.py of facebookresearch/barlowtwins, but with an epsilon too small to count: the paper has none."""
    first, second = z.chunk(2)
    norm = nn.BatchNorm1d(z.shape[1], affine=False, eps=1e-30)
    c = norm(first).T @ norm(second) / len(first)
    on_diagonal = (torch.diagonal(c) - 1).pow(2).sum()
    off_diagonal = (c - torch.diag(torch.diagonal(c))).pow(2).sum()
    return on_diagonal + weight * off_diagonal


def fill(network):
    """Sets the parameters from their position: batch-norm weights around 1, the others around 0."""
    with torch.no_grad():
        for seed, p in enumerate(network.parameters(), 1):
            p.copy_(draw(seed, *p.shape))
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.weight.data += 1


def gradients(network):
    return {name: p.grad.norm().item() for name, p in network.named_parameters()}


def pretraining(loss_of):
    network = Pretraining(WIDTH)
    fill(network)
    features = network(draw(1000, VIEWS, SIZE, SIZE, 3).permute(0, 3, 1, 2))
    projection = network.projector(features)
    loss = loss_of(projection)
    loss.backward()
    return {
        "features": features.flatten().tolist(),
        "projection": projection.flatten().tolist(),
        "loss": loss.item(),
        "gradient_norms": gradients(network),
    }


def classification():
    network = Classifier(WIDTH)
    fill(network)
    logits = network.fc(network(draw(1000, VIEWS, SIZE, SIZE, 3).permute(0, 3, 1, 2)))
    loss = F.cross_entropy(logits, torch.arange(VIEWS) % CLASSES)
    loss.backward()
    return {"logits": logits.flatten().tolist(), "loss": loss.item(), "gradient_norms": gradients(network)}


def losses(loss_of, seed, constants):
    """A loss alone, with its gradient by every element of the projections, for some values of its constant."""
    cases = []
    for constant in constants:
        z = draw(seed, 12, 5).requires_grad_()
        loss = loss_of(z, constant)
        loss.backward()
        cases.append({"constant": constant, "loss": loss.item(), "gradient": z.grad.flatten().tolist()})
    return cases


def state_dict():
    resnet = cifar_stem(torchvision.models.resnet18(num_classes=10))
    return [{"name": name, "shape": list(p.shape)} for name, p in resnet.named_parameters()]


json.dump(
    {
        "torch": torch.__version__.split("+")[0],
        "torchvision": torchvision.__version__.split("+")[0],
        "simclr": pretraining(nt_xent),
        "simclr_3_views": pretraining(lambda z: nt_xent(z, views=3)),
        "barlow_twins": pretraining(barlow_twins),
        "classifier": classification(),
        "nt_xent": losses(nt_xent, 3000, [0.05, 0.5, 2.0]),
        "redundancy_reduction": losses(barlow_twins, 3001, [0.0, 0.0051, 1.0]),
        "resnet18": state_dict(),
    },
    sys.stdout,
    indent=1,
)
print()
