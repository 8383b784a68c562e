"""Runs Twinview's training step in PyTorch, for bench_peer.sh to compare with.

peer.py modes               lists the ways to run it, one JSON object a line
peer.py serve MODE SIZES    takes a step (forward and backward) for each line of standard input and prints its seconds;
                            where the line is "update", SGD with momentum moves the weights too
peer.py check FILE          prints loss and gradient for the weights and images of a safetensors file
"""

import json
import math
import struct
import sys
import time
from dataclasses import dataclass

TEMPERATURE = 0.5


@dataclass
class Mode:
    """One way to run PyTorch. The documented ways to speed up training on CPUs, combined as far as that makes sense."""

    name: str
    precision: str
    channels_last: bool = True
    # autocast: float32 weights, bfloat16 where PyTorch thinks fit. pure: everything in bfloat16. internal: float32
    # tensors that oneDNN may multiply as bfloat16.
    bfloat16: str = ""
    # None runs eagerly; else the arguments of torch.compile.
    compile: dict | None = None


def modes():
    autotune = {"mode": "max-autotune"}
    wrapper = {"options": {"cpp_wrapper": True}}
    return [
        Mode("eager, channels last", "float32"),
        Mode("eager, contiguous", "float32", channels_last=False),
        Mode("compile, channels last", "float32", compile={}),
        Mode("compile, contiguous", "float32", channels_last=False, compile={}),
        Mode("compile max-autotune, channels last", "float32", compile=autotune),
        Mode("eager, bfloat16 weights, channels last", "bfloat16", bfloat16="pure"),
        Mode("eager, bfloat16 weights, contiguous", "bfloat16", channels_last=False, bfloat16="pure"),
        Mode("eager, autocast, channels last", "bfloat16", bfloat16="autocast"),
        Mode("eager, float32 multiplied as bfloat16, channels last", "bfloat16", bfloat16="internal"),
        Mode("compile, bfloat16 weights, channels last", "bfloat16", bfloat16="pure", compile={}),
        Mode("compile, autocast, channels last", "bfloat16", bfloat16="autocast", compile={}),
        Mode("compile, autocast, contiguous", "bfloat16", channels_last=False, bfloat16="autocast", compile={}),
        Mode("compile max-autotune, autocast, channels last", "bfloat16", bfloat16="autocast", compile=autotune),
        Mode("compile with C++ wrapper, autocast, channels last", "bfloat16", bfloat16="autocast", compile=wrapper),
    ]


def basic_block():
    """torchvision's, or the same where it is not installed."""
    try:
        from torchvision.models.resnet import BasicBlock
    except ImportError:
        pass
    else:
        return BasicBlock
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs, channels, stride=1, downsample=None):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.relu = nn.ReLU(inplace=True)
            self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)
            self.downsample = downsample

        def forward(self, x):
            shortcut = x if self.downsample is None else self.downsample(x)
            y = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(y)) + shortcut)

    return Block


def build(width, hidden, outputs):
    """The network of model.NewPretraining: ResNet-18 with the CIFAR stem and the projection head. See also
    model/testdata/golden.py, which tests our network in the small."""
    import torch.nn.functional as F
    from torch import nn

    BasicBlock = basic_block()

    class Pretraining(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            inputs = width
            for stage in range(4):
                channels, stride = width << stage, 1 if stage == 0 else 2
                downsample = None
                if stride != 1:
                    shortcut = nn.Conv2d(inputs, channels, 1, stride, bias=False)
                    downsample = nn.Sequential(shortcut, nn.BatchNorm2d(channels))
                blocks = [BasicBlock(inputs, channels, stride, downsample), BasicBlock(channels, channels)]
                setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
                inputs = channels
            self.projector = nn.Sequential(
                nn.Linear(inputs, hidden, bias=False),
                nn.BatchNorm1d(hidden),
                nn.ReLU(inplace=True),
                nn.Linear(hidden, outputs, bias=False),
            )

        def forward(self, x):
            x = F.relu(self.bn1(self.conv1(x)), inplace=True)
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.projector(x.mean((2, 3)))

    return Pretraining()


def loss_of(network, images):
    """NT-Xent as a cross entropy over all other views, in float32 as is usual."""
    import torch
    import torch.nn.functional as F

    z = F.normalize(network(images).float())
    views = len(z)
    similarity = (z @ z.T / TEMPERATURE).masked_fill(torch.eye(views, dtype=torch.bool, device=z.device), float("-inf"))
    return F.cross_entropy(similarity, torch.arange(views, device=z.device).roll(views // 2))


def step_in(mode, network, images):
    """Returns a function that takes one step: forward and backward, with no gradient left of the last."""
    import torch

    if mode.bfloat16 == "internal":
        torch.backends.mkldnn.conv.fp32_precision = "bf16"
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    if mode.bfloat16 == "pure":
        network, images = network.bfloat16(), images.bfloat16()
    if mode.channels_last:
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    forward = loss_of if mode.compile is None else torch.compile(loss_of, **mode.compile)

    def step():
        network.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=mode.bfloat16 == "autocast"):
            loss = forward(network, images)
        loss.backward()
        return loss

    return step


def serve(name, sizes):
    import torch

    mode = next(m for m in modes() if m.name == name)
    torch.manual_seed(1)
    network = build(sizes["width"], sizes["hidden"], sizes["outputs"])
    images = torch.randn(sizes["views"], 3, sizes["size"], sizes["size"])
    parameters = sum(p.numel() for p in network.parameters())
    step = step_in(mode, network, images)
    for _ in range(3):
        loss = step()
    if not math.isfinite(loss.item()):
        sys.exit(f"the loss is {loss.item()}")
    version = f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads"
    answer({"parameters": parameters, "version": version})
    sgd = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-6, fused=True)
    for request in sys.stdin:
        start = time.perf_counter()
        step()
        if request.strip() == "update":
            sgd.step()
        answer({"seconds": time.perf_counter() - start})


def answer(values):
    print(json.dumps(values), flush=True)


def check(path):
    import torch

    tensors = read_safetensors(path)
    images = tensors.pop("images").permute(0, 3, 1, 2).contiguous()
    hidden, width = tensors["projector.0.weight"].shape[0], tensors["conv1.weight"].shape[0]
    network = build(width, hidden, tensors["projector.3.weight"].shape[0])
    names = {name for name, _ in network.named_parameters()}
    if names != tensors.keys():
        sys.exit(f"parameters that only one of the networks has: {sorted(names ^ tensors.keys())}")
    network.load_state_dict(tensors, strict=False)
    loss = loss_of(network, images)
    loss.backward()
    gradient = torch.sqrt(sum(p.grad.square().sum() for p in network.parameters()))
    answer({"loss": loss.item(), "gradient": gradient.item()})


def read_safetensors(path):
    """The format is an 8-byte length, a JSON header and the bytes: not worth a package."""
    import torch

    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            flat = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


def main(arguments):
    match arguments:
        case ["modes"]:
            for mode in modes():
                answer({"name": mode.name, "precision": mode.precision})
        case ["serve", name, sizes]:
            serve(name, json.loads(sizes))
        case ["check", path]:
            check(path)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
