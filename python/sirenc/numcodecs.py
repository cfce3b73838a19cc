"""A numcodecs codec: chunks of Zarr v2 and others as fields, lossy. Found by its entry point as `siren`.

>>> numcodecs.get_codec({"id": "siren", "dtype": "<f4", "psnr": 40})
"""

from typing import Any

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy

from .chunks import as_type, file_of
from .field import open


class Siren(Codec):  # type: ignore[misc]
    """Encodes arrays of `dtype` with the options of `sirenc.encode`, such as `psnr`, `bpp`, `nrmse`, `effort`, `seed`."""

    codec_id = "siren"

    def __init__(self, dtype: str, **options: Any) -> None:
        self.dtype = np.dtype(dtype).str
        self.options = options

    def encode(self, buf: Any) -> bytes:
        """The file of an array of up to 4 axes longer than 1, in the order of its memory."""
        array = np.asarray(buf)
        if array.dtype != np.dtype(self.dtype):
            array = array.view(self.dtype)
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        return file_of(array.T if fortran else array, self.options)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The flat array of a file."""
        field = open(ensure_contiguous_ndarray(buf).tobytes())
        array = as_type(np.asarray(field), self.dtype).reshape(-1)
        return array if out is None else ndarray_copy(array, out)

    def get_config(self) -> dict[str, Any]:
        return {"id": self.codec_id, "dtype": self.dtype, **self.options}
