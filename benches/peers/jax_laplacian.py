"""Speed of a step through the Laplacian in JAX, compiled, beside the second table of `benches/kernels`: `pip install jax`, then
`python benches/peers/jax_laplacian.py [NETWORK ...]`. It uses all cores that it may run on.

The same networks and number of points in binary32, the loss `mean (laplacian(u) - f)^2` and its gradient by all parameters, with three Laplacians:
the trace of `jax.hessian` under `vmap`, directional derivatives of directional derivatives (`jax.jvp` twice for each input), and value,
gradient and Laplacian carried forward from layer to layer, written by hand, which is what the kernel does. Milliseconds of the fastest run.
"""

import math
import sys
import time

import jax
import jax.numpy as jnp
from jax_siren import RUNS, network

POINTS = 16384
# inputs, width, sine layers, outputs
CASES = [(2, 64, 4, 1), (2, 128, 3, 1), (2, 256, 4, 1)]


def value(parameters, points):
    h = points
    for weights, biases in parameters[:-1]:
        h = jnp.sin(2 * math.pi * (h @ weights + biases))
    weights, biases = parameters[-1]
    return (h @ weights + biases)[..., 0]


def hessian(parameters, points):
    of_point = lambda point: jnp.trace(jax.hessian(lambda x: value(parameters, x))(point))
    return jax.vmap(of_point)(points)


def twice(parameters, points):
    def along(axis):
        direction = jnp.zeros_like(points).at[:, axis].set(1)
        slope = lambda x: jax.jvp(lambda x: value(parameters, x), (x,), (direction,))[1]
        return jax.jvp(slope, (points,), (direction,))[1]

    return sum(along(axis) for axis in range(points.shape[1]))


def forward(parameters, points):
    inputs = points.shape[1]
    h = points
    slopes = jnp.broadcast_to(jnp.eye(inputs)[:, None], (inputs, *points.shape))
    laplacian = jnp.zeros_like(points)
    for weights, biases in parameters[:-1]:
        phase, slopes, laplacian = 2 * math.pi * (h @ weights + biases), slopes @ weights, laplacian @ weights
        slopes, laplacian = 2 * math.pi * slopes, 2 * math.pi * laplacian
        h, cosine = jnp.sin(phase), jnp.cos(phase)
        laplacian = cosine * laplacian - h * jnp.sum(slopes**2, 0)
        slopes = cosine * slopes
    return (laplacian @ parameters[-1][0])[..., 0]


def main():
    print(f"jax {jax.__version__}, {jax.devices()[0]}, ms")
    for shape in CASES:
        inputs, width, layers, outputs = shape
        name = f"{inputs}->{width}x{layers}->{outputs}"
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        keys = jax.random.split(jax.random.key(1), 3)
        parameters = network(keys[0], *shape)
        points = jax.random.uniform(keys[1], (POINTS, inputs), minval=-1)
        wanted = jax.random.uniform(keys[2], (POINTS,))
        for laplacian in (hessian, twice, forward):
            loss = lambda parameters, points, wanted: jnp.mean((laplacian(parameters, points) - wanted) ** 2)
            step = jax.jit(jax.value_and_grad(loss))
            times = []
            for _ in range(RUNS + 3):
                start = time.perf_counter()
                jax.block_until_ready(step(parameters, points, wanted))
                times.append(time.perf_counter() - start)
            print(f"{name:14} {POINTS:7} {laplacian.__name__:9} {1e3 * min(times[3:]):9.1f}", flush=True)


if __name__ == "__main__":
    main()
