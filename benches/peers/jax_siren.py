"""Speed of JAX on the networks of `benches/cuda.rs`: `pip install "jax[cuda12]"`, then
`python benches/peers/jax_siren.py [NETWORK ...]`. It runs on the device that JAX chooses.

The same work as a row there: the same number of points, binary32, `h' = sin(2*pi*(W*h + b))`, a squared error and its gradient by all
parameters, compiled. GFLOP/s count 6 flops per multiply-add; of the fastest run.
"""

import math
import sys
import time

import jax
import jax.numpy as jnp

POINTS = 65536
# points, inputs, width, sine layers, outputs; the first is a tile of the codec with its batch
CASES = [
    (1536, 2, 14, 7, 3),
    (POINTS, 2, 14, 7, 3),
    (POINTS, 2, 28, 9, 3),
    (POINTS, 2, 48, 9, 3),
    (POINTS, 2, 64, 4, 3),
    (POINTS, 2, 128, 4, 3),
    (POINTS, 2, 256, 4, 3),
]
RUNS = 15

# Binary32 is compared with binary32.
jax.config.update("jax_default_matmul_precision", "highest")


def network(key, inputs, width, layers, outputs):
    """Weights and biases of each layer, pseudo-random."""
    sizes = [inputs] + [width] * layers + [outputs]
    keys = jax.random.split(key, 2 * len(sizes))
    uniform = lambda n, shape: jax.random.uniform(keys[n], shape, minval=-0.3, maxval=0.3)
    return [(uniform(2 * n, (a, b)), uniform(2 * n + 1, (b,))) for n, (a, b) in enumerate(zip(sizes, sizes[1:]))]


def loss(parameters, coordinates, targets):
    h = coordinates
    for weights, biases in parameters[:-1]:
        h = jnp.sin(2 * math.pi * (h @ weights + biases))
    weights, biases = parameters[-1]
    return jnp.sum((h @ weights + biases - targets) ** 2)


def main():
    print(f"jax {jax.__version__}, {jax.devices()[0]}, GFLOP/s")
    step = jax.jit(jax.value_and_grad(loss))
    for points, *shape in CASES:
        inputs, width, layers, outputs = shape
        name = f"{inputs}->{width}x{layers}->{outputs}"
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        keys = jax.random.split(jax.random.key(1), 3)
        parameters = network(keys[0], *shape)
        coordinates = jax.random.uniform(keys[1], (points, inputs), minval=-1)
        targets = jax.random.uniform(keys[2], (points, outputs), minval=-1)
        times = []
        for _ in range(RUNS + 3):
            start = time.perf_counter()
            jax.block_until_ready(step(parameters, coordinates, targets))
            times.append(time.perf_counter() - start)
        fastest = min(times[3:])
        giga = (inputs * width + (layers - 1) * width * width + width * outputs) * points * 1e-9
        print(f"{name:14} {points:7} {1e6 * fastest:9.1f} us {6 * giga / fastest:9.1f}", flush=True)


if __name__ == "__main__":
    main()
