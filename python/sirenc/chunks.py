"""Chunks of arrays as files, for numcodecs and Zarr: each chunk is a field of its own."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .encoding import encode
from .errors import ParameterError
from .field import Field

_AXES = {1: "x", 2: "yx", 3: "zyx", 4: "tzyx"}


def file_of(chunk: NDArray[Any], options: dict[str, Any]) -> bytes:
    """The file of a chunk of numbers of 1 to 4 axes, besides those of length 1, which are left out."""
    if chunk.dtype.kind not in "iuf":
        raise ParameterError(f"dtype: {chunk.dtype}, expected integers or floats")
    squeezed = chunk.reshape(_kept(chunk.shape))
    if squeezed.ndim not in _AXES:
        raise ParameterError(f"chunk: shape {chunk.shape}, expected at most 4 axes longer than 1")
    return encode(squeezed, axes=_AXES[squeezed.ndim], **options).bytes


def part_of(field: Field, shape: tuple[int, ...], index: tuple[Any, ...], dtype: DTypeLike) -> NDArray[Any]:
    """The part of a chunk of `shape` that an index of integers and slices chooses; integers are rounded."""
    if field.shape != _kept(shape):
        raise ParameterError(f"chunk: a field of shape {field.shape}, expected {_kept(shape)}")
    long = [n > 1 for n in shape] if max(shape) > 1 else [True] + [False] * (len(shape) - 1)
    part = field[tuple(key for key, is_long in zip(index, long) if is_long)]
    part = as_type(part, dtype)
    # Axes of length 1 that a slice chooses from come back, of length 0 if it chooses nothing.
    counts = [len(range(n)[key]) for key, n in zip(index, shape) if isinstance(key, slice)]
    return part[(0,) * part.ndim].reshape(counts) if part.size == 1 else part.reshape(counts)


def as_type(values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Values in another type, to the nearest that it has."""
    dtype = np.dtype(dtype)
    if dtype.kind in "iu" and values.dtype.kind == "f":
        bounds = np.iinfo(dtype)
        # The largest float that the type can hold: 2⁶³ − 1 is none.
        top = np.nextafter(np.float64(bounds.max), 0) if dtype.itemsize == 8 else np.float64(bounds.max)
        values = np.rint(np.nan_to_num(values.astype(np.float64))).clip(bounds.min, top)
    return values.astype(dtype, copy=False)


def _kept(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n > 1) or (1,)
