"""What the tests share."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import sirenc

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    return FIXTURES


@pytest.fixture(scope="session")
def picture() -> sirenc.Field:
    """128 × 128, RGB, 8 bits, in overlapping tiles."""
    return sirenc.open(FIXTURES / "valid/fitted-astronaut-tiles.siren")


def ramp(height: int = 24, width: int = 32) -> NDArray[np.uint8]:
    """A smooth grey picture."""
    y, x = np.mgrid[:height, :width]
    return (4 * x + 3 * y).astype(np.uint8)
