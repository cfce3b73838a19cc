"""Speed of PyTorch on the networks of `benches/kernels.rs`, eager and compiled: `pip install torch`, then
`python benches/peers/torch_siren.py [--compile]`.

The same work as a row of the kernel benchmark: 16384 points, binary32, `h' = sin(2*pi*(W*h + b))`, a squared error and
its gradient by all parameters. GFLOP/s count 2 flops per multiply-add forward and 6 per training step; medians.
"""

import argparse
import math
import statistics
import time

import torch

POINTS = 16384
# inputs, width, sine layers, outputs
NETWORKS = [(2, 22, 8, 3), (2, 28, 9, 3), (2, 48, 9, 3), (2, 64, 4, 3), (2, 256, 4, 3), (1, 24, 8, 1)]
RUNS = 15


def network(inputs, width, layers, outputs):
    """Weights and biases of each layer, pseudo-random."""
    sizes = [inputs] + [width] * layers + [outputs]
    parameters = []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        for size in ((fan_out, fan_in), (fan_out,)):
            parameters.append((0.3 * (2 * torch.rand(size) - 1)).requires_grad_())
    return parameters


def forward(parameters, coordinates):
    h = coordinates
    for i in range(0, len(parameters), 2):
        h = torch.nn.functional.linear(h, parameters[i], parameters[i + 1])
        if i + 2 < len(parameters):
            h = torch.sin(2 * math.pi * h)
    return h


def loss(parameters, coordinates, targets):
    return (forward(parameters, coordinates) - targets).square().sum()


def median(run):
    """Median time of a run in seconds, after three that warm up."""
    times = []
    for _ in range(RUNS + 3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times[3:])


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--compile", action="store_true", help="measure torch.compile too (needs a C++ compiler)")
    compiled = arguments.parse_args().compile
    print(f"torch {torch.__version__}, {POINTS} points, GFLOP/s")
    print(f"{'network':16} {'mode':8} {'threads':>7} {'forward':>9} {'step':>9}")
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        for shape in NETWORKS:
            inputs, width, layers, outputs = shape
            torch.manual_seed(1)
            parameters = network(*shape)
            coordinates = 2 * torch.rand(POINTS, inputs) - 1
            targets = 2 * torch.rand(POINTS, outputs) - 1
            macs = inputs * width + (layers - 1) * width * width + width * outputs
            for mode in ["eager", "compiled"] if compiled else ["eager"]:
                torch.compiler.reset()
                run_forward, run_loss = (torch.compile(f) if mode == "compiled" else f for f in (forward, loss))

                def evaluate():
                    with torch.no_grad():
                        run_forward(parameters, coordinates)

                def step():
                    torch.autograd.grad(run_loss(parameters, coordinates, targets), parameters)

                giga = macs * POINTS * 1e-9
                rates = 2 * giga / median(evaluate), 6 * giga / median(step)
                name = f"{inputs}->{width}x{layers}->{outputs}"
                print(f"{name:16} {mode:8} {threads:7} {rates[0]:9.1f} {rates[1]:9.1f}", flush=True)


if __name__ == "__main__":
    main()
