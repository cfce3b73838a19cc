"""A `.siren` file as a lazy array that can be rendered at any resolution."""

from __future__ import annotations

import builtins
import io
import math
import operator
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from . import _sirenc
from .errors import LimitError, ParameterError

Derivative = Literal["gradient", "laplacian", "hessian", "magnitude", "divergence", "curl"]
MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Axis:
    """An axis of a field."""

    name: str
    """Its name in the source, else a letter: x, y, z of space, t of time, u, v, w of anything else."""
    length: int
    """Native samples."""
    measure: str
    """`space`, `time` or `other`."""
    unit: str
    """The unit of coordinates; empty if unknown."""
    rate: Fraction | None
    """Samples per second along time, if known."""
    origin: float | None
    """The coordinate of sample 0, if coordinates are uniform."""
    spacing: float | None
    """The distance to the next sample, if coordinates are uniform."""
    listed: NDArray[np.float64] | None
    """One coordinate for each sample, if they are not uniform."""

    @property
    def coordinates(self) -> NDArray[np.float64] | None:
        """The coordinates of the native samples, in `unit`; None if they are unknown."""
        return self.at(np.arange(self.length))

    def at(self, positions: ArrayLike) -> NDArray[np.float64] | None:
        """The coordinates at positions in native samples; between listed ones on the line through them."""
        positions = np.asarray(positions, np.float64)
        if self.listed is not None:
            return np.asarray(np.interp(positions, np.arange(self.length), self.listed))
        if self.origin is None or self.spacing is None:
            return None
        return np.asarray(self.origin + self.spacing * positions)

    def positions(self, coordinates: ArrayLike) -> NDArray[np.float64]:
        """The positions in native samples at coordinates; the coordinates are positions if none are known."""
        coordinates = np.asarray(coordinates, np.float64)
        if self.listed is not None:
            rising = self.listed if self.length < 2 or self.listed[0] < self.listed[1] else self.listed[::-1]
            found = np.interp(coordinates, rising, np.arange(self.length), math.nan, math.nan)
            return np.asarray(found if rising is self.listed else self.length - 1 - found)
        if self.origin is None or self.spacing is None:
            return coordinates
        return np.asarray((coordinates - self.origin) / self.spacing)


class Field:
    """An opened file. Nothing is decoded but what is asked for.

    Shapes are those of NumPy: axes with the slowest first, then channels if there are several.
    """

    def __init__(self, reader: _sirenc.Reader) -> None:
        self._reader = reader
        self._kind, lengths, self._channels, self._format = reader.signal()
        self._lengths = tuple(lengths)

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, the slowest first."""
        return tuple(_axis(raw) for raw in self._reader.axes())

    @property
    def channels(self) -> int:
        """The number of channels."""
        return self._channels

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The native shape: the lengths of the axes, then the channels if there are several."""
        return self._shape(self._lengths)

    @property
    def ndim(self) -> int:
        """The number of axes of the array, channels included."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of stored samples; 24-bit ones are int32."""
        return np.dtype("int32" if self._format == "int24" else self._format)

    @cached_property
    def info(self) -> dict[str, Any]:
        """What the file holds: kind, bytes, shape, format, field, tiles, parameters, metadata and more."""
        info = self._reader.info()
        info["shape"] = tuple(info["shape"])
        return info

    def render(
        self,
        *,
        size: int | Sequence[int] | None = None,
        scale: float | None = None,
        region: Sequence[tuple[float, float]] | None = None,
        dtype: DTypeLike | None = None,
        derivative: Derivative | None = None,
        per_unit: bool = False,
    ) -> NDArray[Any]:
        """Renders the field, by default at its native samples and in its own type.

        `size` is the number of samples along each axis; `scale` multiplies the lengths of the axes of space, or of all
        axes if there are none. `region` is an interval of native edges for each axis, such as `[(10, 20), (0, 7.5)]`, which
        a `size` is spread over. A grid coarser than the native one has means over its cells.

        Integers are codes; as float32 they are 0..1 in pictures and videos, −1..1 in sound, and remain codes in volumes and
        fields. Derivatives are float32, per native sample or `per_unit` of the axes, in the order of the axes, with one
        more axis than the values: `gradient` (…, axes), `hessian` (…, axes, axes). `divergence` and `curl` are those of
        the channels as a vector field, in the order of the file: x, y, z.
        """
        if size is not None and scale is not None:
            raise ParameterError("size and scale: both are given, expected at most one")
        count = len(self._lengths)
        if size is not None:
            counts = [operator.index(n) for n in ([size] if isinstance(size, int) else size)]
            if len(counts) != count or not all(0 < n < 1 << 32 for n in counts):
                raise ParameterError(f"size: {counts}, expected {count} positive lengths")
            size = counts
        if region is not None:
            region = [(float(start), float(stop)) for start, stop in region]
            if len(region) != count:
                raise ParameterError(f"region: {len(region)} intervals, expected {count}")
        return self._render(self._reader.grid(size, scale, region), dtype, derivative, per_unit)

    def gradient(self, **options: Any) -> NDArray[np.float32]:
        """First derivatives by each axis, (…, axes); options as in `render`."""
        return self.render(derivative="gradient", **options)

    def laplacian(self, **options: Any) -> NDArray[np.float32]:
        """The sum of second derivatives by the axes of space; options as in `render`."""
        return self.render(derivative="laplacian", **options)

    def sample(
        self, points: ArrayLike, derivative: Derivative | None = None, *, per_unit: bool = False
    ) -> NDArray[np.float32]:
        """Values, or a derivative, at points of shape (…, axes): positions in native samples in the order of the axes.

        The result has the shape of the points without its last axis, then channels and derivatives as in `render`. Points
        are within −½ and the length − ½.
        """
        points = np.asarray(points, np.float64)
        if points.ndim == 0 or points.shape[-1] != len(self._lengths):
            raise ParameterError(f"points: shape {points.shape}, expected (…, {len(self._lengths)})")
        before = points.shape[:-1]
        if points.size == 0:
            values, derivatives = np.zeros(0, np.float32), np.zeros(0, np.float32)
            return self._in_order(derivatives if derivative else values, before, derivative)
        flat = np.ascontiguousarray(points).reshape(-1)
        values, found = self._reader.sample(flat, derivative, per_unit)
        return self._in_order(values if found is None else found, before, derivative)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """The native samples that the index chooses, as `np.asarray(self)[index]`, but only those are rendered."""
        index = _expanded(index, self.ndim)
        axes = list(zip(index, self._lengths))
        ranges = [_range(key, length) for key, length in axes]
        if any(len(chosen) == 0 for chosen in ranges):
            counts = [len(chosen) for chosen in ranges]
            rendered = np.zeros(self._shape(counts), self.dtype)
        else:
            first = [min(chosen[0], chosen[-1]) for chosen in ranges]
            grid: list[_sirenc.Spread] = [
                (float(start), float(abs(chosen.step)) if len(chosen) > 1 else 1.0, 1, 0, len(chosen))
                for start, chosen in zip(first, ranges)
            ]
            rendered = self._render(grid)
        turned = [slice(None, None, -1) if chosen.step < 0 else slice(None) for chosen in ranges]
        rest: list[Any] = list(index[len(axes) :])
        rendered = rendered[tuple(turned)]
        kept: list[Any] = [slice(None) if isinstance(key, slice) else 0 for key, _ in axes]
        return np.asarray(rendered[(*kept, *rest)])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a field is rendered into a new array, which is a copy")
        array = self.render()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        names = ", ".join(axis.name for axis in self.axes)
        info = self.info
        return f"<sirenc.Field {info['kind']} {self.shape} of {self.dtype} over {names}, {info['bytes']} bytes>"

    def _repr_png_(self) -> builtins.bytes | None:
        """A picture of at most 512 pixels along each side, for notebooks, if Pillow is here."""
        if self._kind != "picture":
            return None
        try:
            from PIL import Image
        except ImportError:
            return None
        factor = min(1.0, 512 / max(self._lengths))
        if self.dtype == np.float32:
            values = self.render(scale=factor)
            low, high = np.nanmin(values), np.nanmax(values)
            values = np.nan_to_num(255 * (values - low) / max(high - low, np.finfo(np.float32).tiny))
            codes = values.round().clip(0, 255).astype(np.uint8)
        else:
            codes = self.render(scale=factor, dtype=np.uint8)
        out = io.BytesIO()
        Image.fromarray(codes).save(out, "PNG")
        return out.getvalue()

    def _render(
        self,
        grid: Sequence[_sirenc.Spread],
        dtype: DTypeLike | None = None,
        derivative: Derivative | None = None,
        per_unit: bool = False,
    ) -> NDArray[Any]:
        wanted = np.dtype(np.float32 if derivative else self.dtype) if dtype is None else np.dtype(dtype)
        name = wanted.name
        if wanted == self.dtype and derivative is None:
            name = "own"
        elif name == "float64":
            name = "float32"
        elif name != "float32" and (derivative or name not in self._formats()):
            expected = ["float32"] if derivative else sorted({self.dtype.name, *self._formats()})
            raise ParameterError(f"dtype: {wanted}, expected {', '.join(expected)} or float64")
        flat = self._reader.render(grid, name, derivative, per_unit)
        counts = tuple(count for *_, count in grid)
        return self._in_order(flat, counts, derivative).astype(wanted, copy=False)

    def _formats(self) -> tuple[str, ...]:
        coloured = self._kind in ("picture", "video")
        return ("uint8", "uint16", "float32") if coloured else ("float32",)

    def _in_order(
        self, flat: NDArray[Any], counts: tuple[int, ...], derivative: Derivative | None
    ) -> NDArray[Any]:
        """Gives an array its shape, and puts derivatives by several axes in the order of the axes."""
        axes = len(self._lengths)
        if derivative == "gradient":
            return flat.reshape(*self._shape(counts), axes)[..., ::-1]
        if derivative == "hessian":
            pairs = {pair: k for k, pair in enumerate((i, j) for i in range(axes) for j in range(i, axes))}
            last = axes - 1
            order = [[pairs[min(last - i, last - j), max(last - i, last - j)] for j in range(axes)] for i in range(axes)]
            return flat.reshape(*self._shape(counts), len(pairs))[..., order]
        if derivative == "divergence" or (derivative == "curl" and self._channels == 2):
            return flat.reshape(counts)
        return flat.reshape(self._shape(counts))

    def _shape(self, counts: Any) -> tuple[int, ...]:
        return (*counts, self._channels) if self._channels > 1 else tuple(counts)


def open(
    source: str | os.PathLike[str] | builtins.bytes | bytearray | memoryview | BinaryIO,
    *,
    max_memory: int | None = None,
    max_macs: int | None = None,
    max_samples: int | None = None,
    threads: int | None = None,
) -> Field:
    """Opens a `.siren` file: a path, its bytes, or a file object opened for reading bytes.

    Limits are checked before anything is spent: `max_memory` in bytes (4 GiB by default), `max_macs` in multiply-adds
    (10¹³) and `max_samples` (2³⁰) of one rendering. `threads` render; by default as many as there are cores.

    Raises `FormatError` for a malformed file, `UnsupportedError`, `LimitError`, `OSError`.
    """
    if isinstance(source, builtins.bytes):
        data = source
    elif isinstance(source, (bytearray, memoryview)):
        data = builtins.bytes(source)
    elif isinstance(source, (str, os.PathLike)):
        with builtins.open(source, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    else:
        data = source.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise LimitError(f"file bytes {len(data)} exceeds the limit of {MOST_BYTES}")
    for name, number in [("max_memory", max_memory), ("max_macs", max_macs), ("max_samples", max_samples)]:
        if number is not None and not 0 <= number < 1 << 64:
            raise ParameterError(f"{name}: {number}, expected 0 to 2⁶⁴ − 1")
    if threads is not None and threads < 1:
        raise ParameterError(f"threads: {threads}, expected at least 1")
    return Field(_sirenc.Reader(data, max_memory, max_macs, max_samples, threads))


def _axis(raw: _sirenc.RawAxis) -> Axis:
    letter, length, measure, rate, name, unit, uniform, listed = raw
    fraction = None if rate is None else Fraction(*rate)
    if fraction is not None and uniform is None and listed is None:
        uniform, unit = (0.0, float(1 / fraction)), "s"
    origin, spacing = (None, None) if uniform is None else uniform
    coordinates = None if listed is None else np.array(listed)
    return Axis(name or letter, length, measure, unit, fraction, origin, spacing, coordinates)


def _expanded(index: Any, axes: int) -> tuple[Any, ...]:
    """An index with an integer or a slice for each axis."""
    index = index if isinstance(index, tuple) else (index,)
    ellipses = sum(key is Ellipsis for key in index)
    if ellipses > 1 or len(index) - ellipses > axes:
        raise IndexError(f"{len(index) - ellipses} indices and {ellipses} ellipses, expected at most {axes} and 1")
    at = next((k for k, key in enumerate(index) if key is Ellipsis), len(index))
    missing = axes - (len(index) - ellipses)
    whole = [slice(None)] * missing
    expanded = [*index[:at], *whole, *index[at + 1 :]]
    return tuple(key if isinstance(key, slice) else _integer(key) for key in expanded)


def _integer(key: Any) -> int:
    if isinstance(key, (bool, np.bool_)):
        raise IndexError(f"{key!r}, expected an integer, a slice or an ellipsis")
    try:
        return operator.index(key)
    except TypeError:
        raise IndexError(f"{key!r}, expected an integer, a slice or an ellipsis") from None


def _range(key: Any, length: int) -> range:
    """The samples along an axis that an index chooses."""
    if isinstance(key, slice):
        return range(length)[key]
    if not -length <= key < length:
        raise IndexError(f"index {key} along an axis of {length} samples")
    return range(length)[key % length :][:1]
