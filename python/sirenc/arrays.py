"""Arrays as the native half reads them: the header of an `.npy` file, and memory that is not copied if it need not be."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import LimitError, ParameterError

DEFAULT_MEMORY = 4 << 30


def as_npy(array: NDArray[Any], max_memory: int | None) -> tuple[bytes, NDArray[np.uint8]]:
    """The header and the memory of the `.npy` file of `array`, in its own order if it is C's or Fortran's."""
    if array.dtype.kind == "c":
        hint = "encode np.stack([array.real, array.imag], -1), two channels"
        raise ParameterError(f"array: complex samples, expected real ones ({hint})")
    if array.dtype.kind not in "buif":
        raise ParameterError(f"array: samples of dtype {array.dtype}, expected integers or floats")
    if array.size == 0:
        raise ParameterError(f"array: shape {array.shape} without samples, expected at least one")
    allowed = DEFAULT_MEMORY if max_memory is None else max_memory
    if array.nbytes > allowed:
        raise LimitError(f"bytes of memory {array.nbytes} exceeds the limit of {allowed} (max_memory raises it)")
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if array.ndim == 0:
        raise ParameterError("array: a single number, expected at least one axis")
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        array = np.ascontiguousarray(array)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    ordered = array if array.flags.c_contiguous else array.T
    return header.getvalue(), ordered.reshape(-1).view(np.uint8)
