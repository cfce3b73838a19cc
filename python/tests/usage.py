"""What users write, for the type checker: nothing here runs."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import sirenc


def watch(progress: sirenc.Progress) -> bool:
    print(f"{progress.phase} {100 * progress.done:.0f} %, {progress.remaining:.0f} s left")
    return progress.done < 0.5


def use(path: Path, array: NDArray[np.uint8]) -> None:
    encoded = sirenc.encode(array, psnr=35, effort=3, threads=2, progress=watch)
    assert_type(encoded.bytes, bytes)
    encoded.save(path)
    field = sirenc.open(path, max_memory=1 << 30)
    assert_type(field.shape, tuple[int, ...])
    assert_type(field[10:20, ::2], NDArray[Any])
    assert_type(field.gradient(size=(10, 10)), NDArray[np.float32])
    assert_type(field.sample([[1.0, 2.0]], "hessian"), NDArray[np.float32])
    assert_type([axis.coordinates for axis in field.axes], list[NDArray[np.float64] | None])
    plain: NDArray[Any] = np.asarray(field)
    print(plain, sirenc.verify(field, array)["psnr_db"])
