"""Writes trajectories.json: 50 steps of pretraining in PyTorch, for TestTrainingFollowsPyTorch.

Run: python trajectories.py (needs torch). Weights and batches come from a generator that the test writes
again, so the file holds only what PyTorch makes of them: the loss of every step, and the running statistics at the end as
little-endian float32 in base64.
"""

import base64
import functools
import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from torch import nn

from golden import LARS

WIDTH, SIZE, IMAGES, BATCHES, STEPS = 8, 4, 16, 5, 50
HIDDEN, OUTPUT = 16, 8
TEMPERATURE, LAMBDA = 0.5, 0.05


@functools.cache
def draw(seed, *shape):
    """Numbers in [-0.5, 0.5) from a generator simple enough to be written again in the Go test."""
    values, state = [], seed
    for _ in range(torch.Size(shape).numel()):
        state = (1103515245 * state + 12345) % 2**31
        values.append(state / 2**31 - 0.5)
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


class Pretraining(nn.Module):
    """Two convolutions and a projection head. Fifty steps of a ResNet-18 on so few images magnify rounding a million times:
    PyTorch's own float32 losses then leave its float64 ones by up to 20 %."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        self.conv2 = nn.Conv2d(WIDTH, 2 * WIDTH, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * WIDTH)
        self.projector = nn.Sequential(
            nn.Linear(2 * WIDTH, HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, OUTPUT, bias=False)
        )

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.projector(F.relu(self.bn2(self.conv2(x))).mean((2, 3)))


def nt_xent(z):
    """SimCLR's loss as a cross entropy over all other views."""
    z = F.normalize(z)
    similarity = (z @ z.T / TEMPERATURE).masked_fill(torch.eye(len(z), dtype=torch.bool), float("-inf"))
    return F.cross_entropy(similarity, torch.arange(len(z)).roll(len(z) // 2))


def barlow_twins(z):
    """As main.py of facebookresearch/barlowtwins, but with an epsilon too small to count: the paper has none."""
    first, second = z.chunk(2)
    norm = nn.BatchNorm1d(z.shape[1], affine=False, eps=1e-30, dtype=z.dtype)
    c = norm(first).T @ norm(second) / len(first)
    on_diagonal = (torch.diagonal(c) - 1).pow(2).sum()
    off_diagonal = (c - torch.diag(torch.diagonal(c))).pow(2).sum()
    return on_diagonal + LAMBDA * off_diagonal


def groups(parameters, decay):
    """Weight decay for matrices and kernels only."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(groups(p, 1e-3), lr=0.01, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(groups(p, 1e-3), lr=0.01, momentum=0.9, nesterov=True),
    "lars": lambda p: LARS(p, lr=0.3, weight_decay=1e-3, momentum=0.9, eta=0.01),
    "adamw": lambda p: torch.optim.AdamW(groups(p, 1e-2), lr=1e-3, betas=(0.9, 0.999), eps=1e-6),
}


def batches():
    """The second view of an image is like its first."""
    all_batches = []
    for b in range(BATCHES):
        first, change = draw(1000 + b, IMAGES, SIZE, SIZE, 3), draw(2000 + b, IMAGES, SIZE, SIZE, 3)
        all_batches.append(torch.cat([4 * first, 4 * first + 2 * change]).permute(0, 3, 1, 2))
    return all_batches


def train(loss_of, make_optimizer, dtype):
    network = Pretraining()
    with torch.no_grad():
        for seed, p in enumerate(network.parameters(), 1):
            if p.ndim > 1:
                p.copy_(draw(seed, *p.shape) * (4 / p[0].numel() ** 0.5))
    network.to(dtype)
    optimizer = make_optimizer(list(network.parameters()))
    data = [b.to(dtype) for b in batches()]
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(network(data[step % BATCHES]))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    statistics, tracked = {}, set()
    for name, value in network.named_buffers():
        if name.endswith("num_batches_tracked"):
            tracked.add(value.item())
        else:
            statistics[name] = base64.b64encode(value.float().numpy().tobytes()).decode()
    assert tracked == {STEPS}
    return {"losses": losses, "statistics": statistics}


def main():
    torch.set_num_threads(1)
    runs = {}
    for loss_of in [nt_xent, barlow_twins]:
        for name, make in OPTIMIZERS.items():
            run = train(loss_of, make, torch.float32)
            wide = train(loss_of, make, torch.float64)["losses"]
            apart = max(abs(a - b) / b for a, b in zip(run["losses"], wide))
            print(f"{loss_of.__name__} {name}: {wide[0]:.4f} -> {wide[-1]:.4f}, float32 {apart:.1e} from float64", file=sys.stderr)
            assert apart < 1e-5, "an activation lies so close to 0 that rounding decides its ReLU: draw other batches"
            runs[f"{loss_of.__name__} {name}"] = run
    file = pathlib.Path(__file__).with_name("trajectories.json")
    file.write_text(json.dumps({"torch": torch.__version__.split("+")[0], "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
