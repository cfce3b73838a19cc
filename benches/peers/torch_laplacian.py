"""Speed of a step through the Laplacian in PyTorch, beside the second table of `benches/kernels`: `pip install torch`, then
`python benches/peers/torch_laplacian.py [--compile] [NETWORK ...]`.

The same networks and number of points in binary32, the loss `mean (laplacian(u) - f)^2` and its gradient by all parameters. Eager is the double
backward of the repository of Sitzmann et al. 2020: `torch.autograd.grad` with `create_graph`, once for the gradient and once for each of
its components. `torch.compile` differentiates neither twice nor by `torch.func.jacfwd`, so compiled is value, gradient and Laplacian carried forward
from layer to layer, written by hand, which is what the kernel does. Milliseconds of the fastest run.
"""

import argparse
import math

import torch
from torch_siren import BATCH, fastest, forward, network

# inputs, width, sine layers, outputs
CASES = [(2, 64, 4, 1), (2, 128, 3, 1), (2, 256, 4, 1)]


def eager(parameters, points, wanted):
    points = points.requires_grad_()
    slopes = torch.autograd.grad(forward(parameters, points).sum(), points, create_graph=True)[0]
    second = [
        torch.autograd.grad(slopes[:, i].sum(), points, create_graph=True)[0][:, i] for i in range(slopes.shape[1])
    ]
    loss = (sum(second) - wanted).square().mean()
    return torch.autograd.grad(loss, parameters, allow_unused=True)


def carried(parameters, points, wanted):
    inputs = points.shape[1]
    h, laplacian = points, torch.zeros_like(points)
    slopes = torch.eye(inputs)[:, None].expand(inputs, *points.shape)
    for i in range(0, len(parameters) - 2, 2):
        weights = 2 * math.pi * parameters[i].T
        phase, slopes, laplacian = h @ weights + 2 * math.pi * parameters[i + 1], slopes @ weights, laplacian @ weights
        h, cosine = phase.sin(), phase.cos()
        laplacian = cosine * laplacian - h * slopes.square().sum(0)
        slopes = cosine * slopes
    laplacian = (laplacian @ parameters[-2].T)[:, 0]
    return (laplacian - wanted).square().mean()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("networks", nargs="*", metavar="NETWORK", help="as in 2->64x4->1 (all)")
    arguments.add_argument("--compile", action="store_true", help="measure torch.compile too (needs a C++ compiler)")
    arguments = arguments.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, ms")
    for inputs, width, layers, outputs in CASES:
        name = f"{inputs}->{width}x{layers}->{outputs}"
        if arguments.networks and name not in arguments.networks:
            continue
        torch.manual_seed(1)
        parameters = network("cpu", inputs, width, layers, outputs)
        points, wanted = 2 * torch.rand(BATCH, inputs) - 1, torch.rand(BATCH)
        steps = {"eager": lambda: eager(parameters, points.detach(), wanted)}
        if arguments.compile:
            loss = torch.compile(carried)
            steps["compiled"] = lambda: torch.autograd.grad(
                loss(parameters, points, wanted), parameters, allow_unused=True
            )
        for mode, step in steps.items():
            print(f"{name:14} {BATCH:7} {mode:9} {1e3 * fastest('cpu', step):9.1f}", flush=True)


if __name__ == "__main__":
    main()
