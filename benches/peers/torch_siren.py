"""Speed of PyTorch on the networks of `benches/kernels`, eager, compiled, and on a GPU as CUDA graphs too:
`pip install torch`, then
`python benches/peers/torch_siren.py [--compile] [--device cuda] [NETWORK ...]`.

The same work as a row of the kernel benchmark: the same points, binary32, `h' = sin(2*pi*(W*h + b))`, a squared error
and its gradient by all parameters. GFLOP/s count 2 flops per multiply-add forward and 6 per training step; of the fastest
run, as there.
"""

import argparse
import math
import time

import torch

BATCH = 16384
KODAK = 768 * 512
# On a GPU instead of BATCH, as in `benches/cuda.rs`.
GPU_BATCH = 65536
# points, inputs, width, sine layers, outputs; the first is a tile of the codec with its batch
CASES = [
    (1536, 2, 14, 7, 3),
    (BATCH, 2, 14, 7, 3),
    (BATCH, 2, 22, 8, 3),
    (BATCH, 2, 28, 9, 3),
    (BATCH, 2, 48, 9, 3),
    (BATCH, 2, 64, 4, 3),
    (BATCH, 2, 128, 4, 3),
    (BATCH, 2, 256, 4, 3),
    (BATCH, 3, 64, 6, 1),
    (BATCH, 1, 48, 6, 1),
    (BATCH, 1, 24, 8, 1),
    (KODAK, 2, 28, 9, 3),
]
RUNS = 15


def network(device, inputs, width, layers, outputs):
    """Weights and biases of each layer, pseudo-random."""
    sizes = [inputs] + [width] * layers + [outputs]
    parameters = []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        for size in ((fan_out, fan_in), (fan_out,)):
            parameters.append((0.3 * (2 * torch.rand(size, device=device) - 1)).requires_grad_())
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


def fastest(device, run):
    """Time of the fastest run in seconds, after three that warm up."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    times = []
    for _ in range(RUNS + 3):
        wait()
        start = time.perf_counter()
        run()
        wait()
        times.append(time.perf_counter() - start)
    return min(times[3:])


# Modes of torch.compile; reduce-overhead replays CUDA graphs, which launch all kernels at once.
COMPILED = {"compiled": "default", "graphs": "reduce-overhead"}


def measure(device, shape, points, mode):
    """Seconds of a forward pass and of a step."""
    inputs, _, _, outputs = shape
    torch.manual_seed(1)
    parameters = network(device, *shape)
    coordinates = 2 * torch.rand(points, inputs, device=device) - 1
    targets = 2 * torch.rand(points, outputs, device=device) - 1
    torch.compiler.reset()
    run_forward, run_loss = (
        torch.compile(f, mode=COMPILED[mode]) if mode in COMPILED else f for f in (forward, loss)
    )

    def evaluate():
        with torch.no_grad():
            run_forward(parameters, coordinates)

    def step():
        torch.compiler.cudagraph_mark_step_begin()
        torch.autograd.grad(run_loss(parameters, coordinates, targets), parameters)

    return fastest(device, evaluate), fastest(device, step)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("networks", nargs="*", metavar="NETWORK", help="as in 2->28x9->3 (all)")
    arguments.add_argument("--compile", action="store_true", help="measure torch.compile too (needs a C++ compiler)")
    arguments.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    arguments = arguments.parse_args()
    # Binary32 is compared with binary32.
    torch.backends.cuda.matmul.allow_tf32 = False
    cuda = arguments.device == "cuda"
    print(f"torch {torch.__version__}, GFLOP/s")
    print(f"{'network':14} {'points':>7} {'mode':8} {'threads':>7} {'forward':>9} {'step':>9}")
    for threads in [1] if cuda else sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        for points, *shape in CASES:
            points = GPU_BATCH if cuda and points == BATCH else points
            inputs, width, layers, outputs = shape
            name = f"{inputs}->{width}x{layers}->{outputs}"
            if arguments.networks and name not in arguments.networks:
                continue
            giga = (inputs * width + (layers - 1) * width * width + width * outputs) * points * 1e-9
            compiled = ["compiled", "graphs"] if cuda else ["compiled"]
            for mode in ["eager"] + (compiled if arguments.compile else []):
                evaluate, step = measure(arguments.device, shape, points, mode)
                rates = f"{2 * giga / evaluate:9.1f} {6 * giga / step:9.1f}"
                print(f"{name:14} {points:7} {mode:8} {threads:7} {rates}", flush=True)


if __name__ == "__main__":
    main()
