"""Arrays and files → `.siren` files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from . import _sirenc
from .arrays import as_npy
from .errors import ParameterError


class Progress(NamedTuple):
    """How far a fit is."""

    phase: str
    """`probe`, `fit` or `quantize`."""
    step: int
    steps: int
    psnr_db: float
    """PSNR of the training so far, dB; NaN until it is known."""
    done: float
    """The fraction of all work that is done, 0 to 1."""
    remaining: float
    """Seconds left, estimated."""


@dataclass(frozen=True)
class Encoded:
    """A finished file."""

    bytes: bytes = field(repr=False)
    report: dict[str, Any]
    """How it was made: `bytes`, `bpp` (bits per position), `psnr_db`, `seconds`, `reached`, `notes` and more."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file: to a sibling first, so that a failure leaves what was there before."""
        path = Path(path)
        sibling = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with sibling.open("xb") as file:
                file.write(self.bytes)
                file.flush()
                os.fsync(file.fileno())
            sibling.replace(path)
        finally:
            sibling.unlink(missing_ok=True)


def encode(
    source: ArrayLike | str | os.PathLike[str],
    *,
    psnr: float | None = None,
    bpp: float | None = None,
    size: int | None = None,
    quality: float | None = None,
    kbps: float | None = None,
    nrmse: float | None = None,
    field: str = "auto",
    effort: int = 5,
    seed: int = 0,
    threads: int | None = None,
    time_limit: float | None = None,
    axes: str | None = None,
    variable: str | None = None,
    rate: float | Fraction | None = None,
    gradient_weight: float = 0.0,
    metadata: bool = True,
    keep_invisible: bool = False,
    max_memory: int | None = None,
    verify: bool = True,
    progress: Callable[[Progress], object] | None = None,
) -> Encoded:
    """Fits an array or a file and returns a finished `.siren` file, with the bytes that `sirenc encode` writes.

    An array of shape (n,) or (n, ≤8) is a sound, (height, width) or (height, width, ≤4) a picture, (depth, height,
    width) a volume; `axes` names others, a letter for each axis, such as `"tyxc"`: x, y, z of space, t of time, c at the
    end for channels. `variable` is one of a NetCDF file. Integers stand for 0..1 (signed ones for −1..1), floats for themselves, NaN for missing samples.
    C and Fortran order are read in place; other strides are copied once.

    At most one target: `psnr` in dB, `bpp` in bits per position, `size` in bytes, `quality` from 0 to 100 (75 by default),
    `kbps` of a sound, `nrmse` relative to the range. `effort` is 1 to 9, `time_limit` in seconds, `rate` in samples per
    second, `max_memory` in bytes. `progress` is called a few times a second; if it returns False the fit ends early with
    the best field so far. Ctrl-C ends it with `KeyboardInterrupt`.

    Raises `ParameterError`, `LimitError`, `FormatError` or `UnsupportedError` for a file, and `VerificationError` if the
    finished bytes do not decode to what the fit had.
    """
    targets = {"psnr": psnr, "bpp": bpp, "size": size, "quality": quality, "kbps": kbps, "nrmse": nrmse}
    given = [(name, float(value)) for name, value in targets.items() if value is not None]
    if len(given) > 1:
        raise ParameterError(f"{given[0][0]} and {given[1][0]}: two targets, expected at most one")
    if not 1 <= effort <= 9:
        raise ParameterError(f"effort: {effort}, expected 1 to 9")
    if not 0 <= seed < 1 << 64:
        raise ParameterError(f"seed: {seed}, expected 0 to 2⁶⁴ − 1")
    if threads is not None and threads < 1:
        raise ParameterError(f"threads: {threads}, expected at least 1")
    options = {
        "target": given[0] if given else None,
        "field": field,
        "effort": effort,
        "seed": seed,
        "threads": threads,
        "time_limit": time_limit,
        "metadata": metadata,
        "keep_invisible": keep_invisible,
        "gradient_weight": gradient_weight,
        "max_memory": max_memory,
        "verify": verify,
        "axes": axes,
        "variable": variable,
        "rate": None if rate is None else _fraction(rate),
    }
    report = None if progress is None else lambda *numbers: progress(Progress(*numbers))
    return Encoded(*_sirenc.encode(as_input(source, max_memory), options, report))


def as_input(source: ArrayLike | str | os.PathLike[str], max_memory: int | None = None) -> _sirenc.Input:
    """What the native half reads."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    return as_npy(np.asarray(source), max_memory)


def _fraction(rate: float | Fraction) -> tuple[int, int]:
    try:
        exact = Fraction(rate).limit_denominator(1_000_000)
    except (ValueError, OverflowError):
        exact = Fraction(0)
    if not (0 < exact.numerator < 1 << 32):
        raise ParameterError(f"rate: {rate}, expected a positive number of samples per second below 2³²")
    return exact.numerator, exact.denominator
