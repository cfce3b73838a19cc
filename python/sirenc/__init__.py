"""Pictures, sounds, videos and volumes as smooth functions in small files.

>>> import sirenc
>>> field = sirenc.open("photo.siren")         # decodes nothing yet
>>> field[100:200, ::2]                        # an array of that part alone
>>> field.render(scale=4, region=[(0, 64), (0, 64)])
>>> sirenc.encode(array, psnr=35).save("array.siren")

Axes are in the order of NumPy everywhere, the slowest first, and channels are last: a picture is (height, width) or
(height, width, channels). Positions are in native samples, sample centres at whole numbers; edges of regions are those
of slices: samples `a` to `b` lie between the edges `a` and `b`.
"""

from .encoding import Encoded, Progress, encode
from .errors import (
    DeviceError,
    Error,
    FormatError,
    LimitError,
    ParameterError,
    UnsupportedError,
    VerificationError,
)
from .field import Axis, Field, open
from .verifying import verify

__all__ = [
    "Axis",
    "DeviceError",
    "Encoded",
    "Error",
    "Field",
    "FormatError",
    "LimitError",
    "ParameterError",
    "Progress",
    "UnsupportedError",
    "VerificationError",
    "encode",
    "open",
    "verify",
]
