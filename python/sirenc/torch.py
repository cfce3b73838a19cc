"""The sine networks of a file as a PyTorch module, and pictures from SIRENs that PyTorch has trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import sirenc

from . import _sirenc
from .errors import ParameterError


class Field(nn.Module):
    """A field of sine networks, blended over tiles: `field(points)` is `sirenc.Field.sample(points)` within 2⁻¹⁵ of the range.

    Points of shape (…, axes) are positions in native samples in the order of NumPy; the result is (…, channels). It is
    differentiable by points and by parameters, on any device. Missing samples are not masked.
    """

    scales: Tensor
    offsets: Tensor

    def __init__(self, field: sirenc.Field) -> None:
        super().__init__()
        tiles, self._edges, self._overlaps, scales, offsets = field._reader.networks()
        self._boxes = [(index, start, end, spans) for index, start, end, spans, *_ in tiles]
        axes, channels = len(field.axes), field.channels
        sizes = [[axes, *[width] * layers, channels] for *_, layers, width, _ in tiles]
        self.networks = nn.ModuleList(_network(of, tile[-1]) for of, tile in zip(sizes, tiles))
        self.register_buffer("scales", torch.tensor(scales))
        self.register_buffer("offsets", torch.tensor(offsets))

    def forward(self, points: Tensor) -> Tensor:
        flat = points.reshape(-1, points.shape[-1]).flip(-1)
        out = torch.zeros(len(flat), len(self.scales), dtype=self.scales.dtype, device=flat.device)
        for (index, start, end, spans), network in zip(self._boxes, self.networks):
            weight = torch.ones(len(flat), dtype=flat.dtype, device=flat.device)
            for axis, k in enumerate(index):
                weight = weight * self._weight(axis, k, flat[:, axis])
            inside = torch.nonzero(weight.detach() > 0).squeeze(-1)
            if len(inside) == 0:
                continue
            centre = flat.new_tensor([a + b for a, b in zip(start, end)])
            local = (2 * flat[inside] + 1 - centre) / flat.new_tensor(spans)
            h = local.to(out.dtype)
            for layer in network[:-1]:
                turns = _rounded(layer, h) if layer is network[0] else layer(h)
                h = torch.sin(2 * math.pi * (turns - turns.detach().round()))
            out = out.index_add(0, inside, weight[inside, None].to(out.dtype) * network[-1](h))
        return (self.offsets + self.scales * out).reshape(*points.shape[:-1], -1)

    def _weight(self, axis: int, k: int, position: Tensor) -> Tensor:
        edges = self._edges[axis]
        rising = self._ramp(axis, edges[k], position) if k > 0 else torch.ones_like(position)
        if k + 1 == len(edges):
            return rising
        return rising - self._ramp(axis, edges[k + 1], position)

    def _ramp(self, axis: int, edge: int, position: Tensor) -> Tensor:
        distance, radius = position + 0.5 - edge, self._overlaps[axis]
        if radius == 0:
            return (distance >= 0).to(position.dtype)
        u = ((distance + radius) / (2 * radius)).clamp(0, 1)
        return u**3 * (10 + u * (6 * u - 15))


def _rounded(layer: nn.Linear, inputs: Tensor) -> Tensor:
    """The layer with the roundings of the decoder, one after each fused multiply-add: its phases are large numbers of turns,
    so that others would be heard. A product of two binary32 numbers is exact in binary64."""
    sums = layer.bias.expand(len(inputs), -1)
    for weights, column in zip(layer.weight.unbind(1), inputs.unbind(1)):
        sums = (column.double()[:, None] * weights.double() + sums.double()).to(sums.dtype)
    return sums


def _network(sizes: list[int], parameters: Any) -> nn.ModuleList:
    layers, at = nn.ModuleList(), 0
    for inputs, outputs in zip(sizes, sizes[1:]):
        layer, weights = nn.Linear(inputs, outputs), inputs * outputs
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(parameters[at : at + weights].reshape(outputs, inputs)))
            layer.bias.copy_(torch.from_numpy(parameters[at + weights : at + weights + outputs]))
        layers.append(layer)
        at += weights + outputs
    return layers


def from_state_dict(
    state: Mapping[str, Tensor],
    shape: tuple[int, int],
    *,
    omega: float = 30.0,
    omega_hidden: float | None = None,
    corners: bool = True,
    order: str = "yx",
    outputs: tuple[float, float] = (-1.0, 1.0),
) -> bytes:
    """The file of a picture of `shape` (height, width) from a SIREN: layers `sin(ω(Wx + b))`, then a linear one.

    Weights and biases are taken in the order of the dictionary, whatever their names. `omega` is ω of the first layer,
    `omega_hidden` of the others, the same by default. Coordinates −1..1 along each axis are at the first and last sample,
    or at the outer edges if `corners` is false; `order` names the inputs. `outputs` become black and white.
    """
    tensors = [tensor.detach().cpu().double().numpy() for tensor in state.values()]
    weights, biases = [t for t in tensors if t.ndim == 2], [t for t in tensors if t.ndim == 1]
    if len(weights) < 2 or len(weights) != len(biases):
        raise ParameterError(f"state: {len(weights)} weights and {len(biases)} biases, expected as many, at least 2")
    width, channels, hidden = len(weights[0]), len(weights[-1]), len(weights) - 1
    expected = [(width, 2), *[(width, width)] * (hidden - 1), (channels, width)]
    if [w.shape for w in weights] != expected or [len(b) for b in biases] != [rows for rows, _ in expected]:
        raise ParameterError(f"state: layers {[w.shape for w in weights]}, expected {expected}")
    if not 1 <= channels <= 4:
        raise ParameterError(f"state: {channels} outputs, expected 1 to 4 channels of a picture")
    if sorted(order) != ["x", "y"]:
        raise ParameterError(f"order: {order!r}, expected 'yx' or 'xy'")
    low, high = outputs
    if not low < high:
        raise ParameterError(f"outputs: {outputs}, expected a lower and a higher value")
    height, columns = shape
    size, span = (columns, height), max(shape)
    first = weights[0][:, [order.index("x"), order.index("y")]]
    weights[0] = first * [span / max(n - 1 if corners else n, 1) for n in size]
    for k in range(hidden):
        turns = (omega if k == 0 or omega_hidden is None else omega_hidden) / (2 * math.pi)
        weights[k], biases[k] = turns * weights[k], turns * biases[k]
    weights[-1], biases[-1] = weights[-1] / (high - low), (biases[-1] - low) / (high - low)
    parameters = [part.reshape(-1) for layer in zip(weights, biases) for part in layer]
    return _sirenc.network_file(size, channels, hidden, width, np.concatenate(parameters).astype(np.float32))


def to_state_dict(field: sirenc.Field, *, omega: float = 30.0) -> dict[str, Tensor]:
    """The network of a file of one tile as a SIREN of Sitzmann et al. 2020, `net.0.linear.weight` to `net.N.bias`.

    Its inputs are x, y, …, from −1 to 1 between the outer edges of the longest axis of space; its outputs signal values.
    """
    module = Field(field)
    if len(module.networks) != 1:
        raise ParameterError(f"field: {len(module.networks)} tiles, expected one network")
    network = module.networks[0]
    state: dict[str, Tensor] = {}
    for k, layer in enumerate(network):  # type: ignore[arg-type]
        last = k + 1 == len(network)  # type: ignore[arg-type]
        weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
        if last:
            weight, bias = module.scales[:, None] * weight, module.scales * bias + module.offsets
        else:
            weight, bias = weight * (2 * math.pi / omega), bias * (2 * math.pi / omega)
        name = f"net.{k}" if last else f"net.{k}.linear"
        state[f"{name}.weight"], state[f"{name}.bias"] = weight, bias
    return state
