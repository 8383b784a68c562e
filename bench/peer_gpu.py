"""Trains Twinview's network by SimCLR in PyTorch on a GPU, augmentation included, for make gpu-check to compare with.

peer_gpu.py modes              lists the ways to run it, as one JSON array of names
peer_gpu.py serve MODE SIZES   trains as many steps as each line of standard input says, and prints their seconds

The images lie in the GPU's memory as bytes. Views are made there, by batched operations of plain PyTorch: crop and
resize, flip, colour jitter (in one order), greyscale, normalisation, as SIZES["view"] has them. A step is forward,
backward and SGD with momentum. Nothing waits for the GPU within a request. SIZES["device"] may be "cpu", to try it.
"""

import json
import math
import os
import sys
import time

import peer

MODES = {
    # What starts quickly comes first, so that an early end leaves something to compare with.
    # autocast: float32 weights, bfloat16 where PyTorch thinks fit. pure: all of the network in bfloat16.
    "eager, bfloat16 weights, channels last": {"bfloat16": "pure", "compile": None},
    "eager, autocast, channels last": {"bfloat16": "autocast", "compile": None},
    "compile, bfloat16 weights, channels last": {"bfloat16": "pure", "compile": {}},
    "compile, autocast, channels last": {"bfloat16": "autocast", "compile": {}},
    "compile reduce-overhead, autocast, channels last": {"bfloat16": "autocast", "compile": {"mode": "reduce-overhead"}},
    "compile max-autotune, bfloat16 weights, channels last": {"bfloat16": "pure", "compile": {"mode": "max-autotune"}},
    "compile max-autotune, autocast, channels last": {"bfloat16": "autocast", "compile": {"mode": "max-autotune"}},
}


def draw_boxes(n, crop, height, width, device):
    """RandomResizedCrop's boxes: their centres from −1 to 1, and their width and height as fractions of the image. A box
    that does not fit is made smaller, where torchvision tries again: that costs no less here."""
    import torch

    area = torch.empty(n, device=device).uniform_(*crop["scale"]) * (height * width)
    ratio = torch.exp(torch.empty(n, device=device).uniform_(*(math.log(r) for r in crop["ratio"])))
    w = (area * ratio).sqrt().round().clamp(1, width)
    h = (area / ratio).sqrt().round().clamp(1, height)
    left = (torch.rand(n, device=device) * (width - w + 1)).floor()
    top = (torch.rand(n, device=device) * (height - h + 1)).floor()
    return (2 * left + w) / width - 1, (2 * top + h) / height - 1, w / width, h / height


def crop_and_flip(x, view, size):
    import torch
    import torch.nn.functional as F

    n, _, height, width = x.shape
    cx, cy, half_width, half_height = draw_boxes(n, view["crop"], height, width, x.device)
    flip = torch.where(torch.rand(n, device=x.device) < view["flip_probability"], -1.0, 1.0)
    zero = torch.zeros_like(cx)
    theta = torch.stack(
        [torch.stack([half_width * flip, zero, cx], 1), torch.stack([zero, half_height, cy], 1)], 1
    )
    grid = F.affine_grid(theta, [n, 3, size, size], align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def luma(x):
    return 0.2989 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]


def factor(x, strength):
    import torch

    return torch.empty(len(x), 1, 1, 1, device=x.device).uniform_(max(0, 1 - strength), 1 + strength)


def change_hue(x, strength, sectors):
    """By way of HSV, as torchvision does. sectors are [5, 3, 1], for red, green and blue."""
    import torch

    shift = torch.empty(len(x), 1, 1, device=x.device).uniform_(-strength, strength)
    r, g, b = x.unbind(1)
    most, least = x.amax(1), x.amin(1)
    spread = most - least
    divisor = torch.where(spread == 0, 1.0, spread)
    saturation = spread / torch.where(most == 0, 1.0, most)
    red, green, blue = (most - r) / divisor, (most - g) / divisor, (most - b) / divisor
    hue = torch.where(most == r, blue - green, torch.where(most == g, 2 + red - blue, 4 + green - red))
    hue = (hue / 6 + 1 + shift) % 1.0
    k = (sectors + hue.unsqueeze(1) * 6) % 6
    value = most.unsqueeze(1)
    return value - value * saturation.unsqueeze(1) * torch.minimum(k, 4 - k).clamp(0, 1)


def jitter(x, by, sectors):
    import torch

    changes = {
        0: lambda v: (v * factor(v, by["brightness"])).clamp(0, 1),
        1: lambda v: torch.lerp(luma(v).mean((1, 2, 3), keepdim=True), v, factor(v, by["contrast"])).clamp(0, 1),
        2: lambda v: torch.lerp(luma(v), v, factor(v, by["saturation"])).clamp(0, 1),
        3: lambda v: change_hue(v, by["hue"], sectors),
    }
    changed = x
    for change in (0, 1, 2, 3):
        changed = changes[change](changed)
    chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < by["probability"]
    return torch.where(chosen, changed, x)


def augment(images, view, size, constants):
    """Makes a view of each image of uint8 [n, 3, height, width]. The constants lie on the GPU: a copy from the processor
    would keep the compiler from making a CUDA graph of this."""
    import torch

    x = crop_and_flip(images.float() / 255, view, size)
    sectors, mean, std = constants
    x = jitter(x, view["color_jitter"], sectors)
    grey = torch.rand(len(x), 1, 1, 1, device=x.device) < view["grayscale_probability"]
    x = torch.where(grey, luma(x).expand_as(x), x)
    return (x - mean) / std


def synchronize(device):
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


class Training:
    def __init__(self, mode, sizes):
        import torch

        torch.manual_seed(1)
        if sizes["device"] == "cpu":
            torch.set_num_threads(1)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
        self.device, self.batch = sizes["device"], sizes["batch"]
        self.pure, self.autocast = mode["bfloat16"] == "pure", mode["bfloat16"] == "autocast"
        view, size = sizes["view"], sizes["size"]
        self.images = torch.randint(0, 256, (sizes["images"], 3, 32, 32), dtype=torch.uint8, device=self.device)
        network = peer.build(sizes["width"], sizes["hidden"], sizes["outputs"]).to(self.device)
        if self.pure:
            network = network.bfloat16()
        self.network = network.to(memory_format=torch.channels_last)
        self.parameters = sum(p.numel() for p in network.parameters())
        self.sgd = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-6, fused=True)

        constants = [
            torch.tensor(values, device=self.device).view(1, 3, 1, 1)
            for values in ([5.0, 3.0, 1.0], view["normalize"]["mean"], view["normalize"]["std"])
        ]

        def views(images):
            both = torch.cat([augment(images, view, size, constants), augment(images, view, size, constants)])
            return both.to(torch.bfloat16 if self.pure else torch.float32, memory_format=torch.channels_last)

        self.views, self.loss = views, peer.loss_of
        if mode["compile"] is not None:
            self.views = torch.compile(views, **mode["compile"])
            self.loss = torch.compile(peer.loss_of, **mode["compile"])

    def step(self, order):
        import torch

        torch.compiler.cudagraph_mark_step_begin()
        views = self.views(self.images[order])
        self.sgd.zero_grad(set_to_none=True)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.autocast):
            loss = self.loss(self.network, views)
        loss.backward()
        self.sgd.step()
        return loss

    def steps(self, n):
        import torch

        loss = None
        order = torch.randperm(len(self.images), device=self.device)
        whole = len(order) // self.batch
        for i in range(n):
            at = i % whole * self.batch
            loss = self.step(order[at : at + self.batch])
        return loss.item()  # waits for the GPU


def keep_answers_apart():
    """Whatever compilers and libraries print goes to standard error: standard output is for answers alone, and no process that
    a compiler starts keeps it open."""
    answers = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(answers, "w")


def serve(name, sizes):
    keep_answers_apart()
    import torch

    training = Training(MODES[name], sizes)
    if not math.isfinite(training.steps(3)):
        sys.exit("the loss is not a number")
    where = torch.cuda.get_device_name() if sizes["device"] == "cuda" else "the processor"
    peer.answer({"parameters": training.parameters, "version": f"PyTorch {torch.__version__} on {where}"})
    for request in sys.stdin:
        synchronize(sizes["device"])
        start = time.perf_counter()
        training.steps(int(request))
        synchronize(sizes["device"])
        peer.answer({"seconds": time.perf_counter() - start})


def main(arguments):
    match arguments:
        case ["modes"]:
            print(json.dumps(list(MODES)))
        case ["serve", name, sizes]:
            serve(name, json.loads(sizes))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
