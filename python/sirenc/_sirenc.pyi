"""The native half: flat arrays and plain values, to which the Python half gives shapes and names."""

from collections.abc import Callable, Sequence
from typing import Any

from numpy import float32, float64, uint8
from numpy.typing import NDArray

# Origin, spacing, footprint, first index, count.
Spread = tuple[float, float, int, int, int]
# Letter, length, measure, rate, name, unit, uniform coordinates, listed ones.
RawAxis = tuple[
    str, int, str, tuple[int, int] | None, str, str, tuple[float, float] | None, list[float] | None
]
# A path, or the header of an .npy file and the memory of an array.
Input = str | tuple[bytes, NDArray[uint8]]

# Tiles (index, start, end, spans, layers, width, parameters), core edges, overlaps, scales, offsets; fastest axis first.
Networks = tuple[
    list[tuple[list[int], list[int], list[int], list[int], int, int, NDArray[float32]]],
    list[list[int]],
    list[int],
    list[float],
    list[float],
]
MAGIC: bytes

class Reader:
    def __new__(
        cls,
        bytes: bytes,
        max_memory: int | None = None,
        max_macs: int | None = None,
        max_samples: int | None = None,
        threads: int | None = None,
    ) -> Reader: ...
    def axes(self) -> list[RawAxis]: ...
    def signal(self) -> tuple[str, list[int], int, str]: ...
    def info(self) -> dict[str, Any]: ...
    def networks(self) -> Networks: ...
    def grid(
        self,
        size: Sequence[int] | None = None,
        scale: float | None = None,
        region: Sequence[tuple[float, float]] | None = None,
    ) -> list[Spread]: ...
    def render(
        self, grid: Sequence[Spread], format: str, derivative: str | None = None, per_unit: bool = False
    ) -> NDArray[Any]: ...
    def sample(
        self, points: NDArray[float64], derivative: str | None = None, per_unit: bool = False
    ) -> tuple[NDArray[float32], NDArray[float32] | None]: ...

def network_file(
    size: tuple[int, int], channels: int, layers: int, width: int, parameters: NDArray[float32]
) -> bytes: ...
def encode(
    input: Input,
    options: dict[str, Any],
    progress: Callable[[str, int, int, float, float, float], object] | None,
) -> tuple[bytes, dict[str, Any]]: ...
def verify(
    reader: Reader, original: Input | None = None, axes: str | None = None, variable: str | None = None
) -> dict[str, Any]: ...
