"""Writes golden.json: what PyTorch's optimisers and batch norm do, for the tests of package train.

Run: python golden.py (needs torch). The values in golden.json are from torch 2.x; they do not depend on its version.
"""
import json
import os

import torch


class LARS(torch.optim.Optimizer):
    """The optimiser of the Barlow Twins reference implementation (main.py), with both filters on, and Nesterov's
    step of the SimCLR reference implementation (lars_optimizer.py) in addition."""

    def __init__(self, params, lr, weight_decay=0, momentum=0.9, eta=0.001, nesterov=False):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, momentum=momentum, eta=eta, nesterov=nesterov))

    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            for p in g["params"]:
                dp = p.grad
                if p.ndim != 1:
                    dp = dp.add(p, alpha=g["weight_decay"])
                    param_norm = torch.norm(p)
                    update_norm = torch.norm(dp)
                    one = torch.ones_like(param_norm)
                    q = torch.where(
                        param_norm > 0.0,
                        torch.where(update_norm > 0, (g["eta"] * param_norm / update_norm), one),
                        one,
                    )
                    dp = dp.mul(q)
                state = self.state[p]
                if "mu" not in state:
                    state["mu"] = torch.zeros_like(p)
                mu = state["mu"]
                mu.mul_(g["momentum"]).add_(dp)
                update = dp + g["momentum"] * mu if g["nesterov"] else mu
                p.add_(update, alpha=-g["lr"])


RATES = [0.1, 0.05, 0.2, 0.01]


def groups(weight, bias, decay):
    return [{"params": [weight], "weight_decay": decay}, {"params": [bias], "weight_decay": 0.0}]


CASES = {
    "sgd": lambda w, b: torch.optim.SGD(groups(w, b, 0), lr=0.1),
    "sgd decay": lambda w, b: torch.optim.SGD(groups(w, b, 0.01), lr=0.1),
    "sgd momentum": lambda w, b: torch.optim.SGD(groups(w, b, 0.01), lr=0.1, momentum=0.9),
    "sgd nesterov": lambda w, b: torch.optim.SGD(groups(w, b, 0.01), lr=0.1, momentum=0.9, nesterov=True),
    "lars": lambda w, b: LARS([w, b], lr=0.1, weight_decay=0.01, momentum=0.9, eta=0.02),
    "lars nesterov": lambda w, b: LARS([w, b], lr=0.1, weight_decay=0.01, momentum=0.9, eta=0.02, nesterov=True),
    "adamw": lambda w, b: torch.optim.AdamW(groups(w, b, 0.01), lr=0.1, betas=(0.9, 0.95), eps=1e-6),
}


def run(make, first_weight, first_bias, grads):
    weight = torch.nn.Parameter(first_weight.clone())
    bias = torch.nn.Parameter(first_bias.clone())
    optimizer = make(weight, bias)
    steps = []
    for rate, (weight_grad, bias_grad) in zip(RATES, grads):
        for group in optimizer.param_groups:
            group["lr"] = rate
        weight.grad, bias.grad = weight_grad.clone(), bias_grad.clone()
        optimizer.step()
        steps.append({"weight": weight.detach().flatten().tolist(), "bias": bias.detach().tolist()})
    return steps


def batch_norm():
    norm = torch.nn.BatchNorm1d(3)
    steps = []
    for _ in range(3):
        x = torch.randn(5, 3) * 2 + 1
        norm(x)
        steps.append({
            "mean": x.mean(0).tolist(), "biased_variance": x.var(0, unbiased=False).tolist(),
            "running_mean": norm.running_mean.tolist(), "running_var": norm.running_var.tolist(),
        })
    return {"count": 5, "steps": steps}


def main():
    torch.manual_seed(1)
    weight, bias = torch.randn(3, 2), torch.randn(3)
    grads = [(torch.randn(3, 2), torch.randn(3)) for _ in RATES]
    golden = {
        "weight": weight.flatten().tolist(),
        "bias": bias.tolist(),
        "rates": RATES,
        "grads": [{"weight": w.flatten().tolist(), "bias": b.tolist()} for w, b in grads],
        "optimizers": {name: run(make, weight, bias, grads) for name, make in CASES.items()},
        "batch_norm": batch_norm(),
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json")
    with open(path, "w") as f:
        json.dump(golden, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
