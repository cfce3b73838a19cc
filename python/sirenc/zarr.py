"""A Zarr v3 codec: chunks as fields, lossy, of which a selection renders its own samples alone. Its entry point is `siren`.

>>> zarr.create_array(store, shape=(512, 512), chunks=(256, 256), dtype="f4", serializer=SirenCodec(psnr=40), compressors=None)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin
from zarr.abc.store import ByteGetter
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, NDBuffer
from zarr.core.common import JSON, parse_named_configuration

from .chunks import file_of, part_of
from .errors import ParameterError
from .field import open


@dataclass(frozen=True)
class SirenCodec(ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin):
    """Encodes chunks of up to 4 axes longer than 1 with the options of `sirenc.encode`, such as `psnr` or `bpp`."""

    is_fixed_size = False
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    def __init__(self, **options: Any) -> None:
        object.__setattr__(self, "options", options)

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        _, options = parse_named_configuration(data, "siren", require_configuration=False)
        return cls(**(options or {}))

    def to_dict(self) -> dict[str, JSON]:
        return {"name": "siren", "configuration": dict(self.options)}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        kind = dtype.to_native_dtype().kind
        if kind not in "iuf":
            raise ParameterError(f"dtype: {dtype.to_native_dtype()}, expected integers or floats")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        raise NotImplementedError

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        chunk = np.asarray(chunk_data.as_numpy_array())
        encoded = await asyncio.to_thread(file_of, chunk, self.options)
        return chunk_spec.prototype.buffer.from_bytes(encoded)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        whole = tuple(slice(n) for n in chunk_spec.shape)
        return await asyncio.to_thread(_decoded, chunk_data, whole, chunk_spec)

    async def _decode_partial_single(
        self, byte_getter: ByteGetter, selection: Any, chunk_spec: ArraySpec
    ) -> NDBuffer | None:
        chunk = await byte_getter.get(chunk_spec.prototype)
        return None if chunk is None else await asyncio.to_thread(_decoded, chunk, selection, chunk_spec)


def _decoded(chunk: Buffer, selection: Any, spec: ArraySpec) -> NDBuffer:
    keys = selection if isinstance(selection, tuple) else (selection,)
    basic = len(keys) == len(spec.shape) and all(isinstance(key, (slice, int, np.integer)) for key in keys)
    dtype = spec.dtype.to_native_dtype()
    file = open(chunk.to_bytes())
    part = part_of(file, spec.shape, keys if basic else tuple(slice(n) for n in spec.shape), dtype)
    return spec.prototype.nd_buffer.from_numpy_array(np.asarray(part if basic else part[selection]))
