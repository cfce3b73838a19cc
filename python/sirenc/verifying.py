"""How close a file is to its original."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from numpy.typing import ArrayLike

from . import _sirenc
from .encoding import as_input
from .field import Field, open


def verify(
    source: str | os.PathLike[str] | bytes | BinaryIO | Field,
    original: ArrayLike | str | os.PathLike[str] | None = None,
    *,
    axes: str | None = None,
    variable: str | None = None,
) -> dict[str, Any]:
    """Decodes a whole file, which checks it, and compares it with its original, an array or a file, read as `encode` does.

    Returns `{"intact": True}`, and with an original `psnr_db`, `max_error` (a fraction of full scale, or in the units of
    measurements) and `nrmse` (relative to the range; None for codes of colours and sounds). Raises `FormatError` if the
    file is damaged, `ParameterError` if the original is another kind of signal, `VerificationError` if other samples are
    missing.
    """
    field = source if isinstance(source, Field) else open(source)
    return _sirenc.verify(field._reader, None if original is None else as_input(original), axes, variable)
