"""`.siren` pictures in Pillow: `import sirenc.pillow`, then `Image.open` and `Image.save` know them.

Grey of 16 bits has mode `I;16`, grey of floats `F`; all other pictures have 8 bits. `Image.save` takes the options of
`sirenc.encode`, such as `psnr=35`.
"""

from typing import IO, Any, BinaryIO, cast

import numpy as np
from PIL import Image, ImageFile

import sirenc

from ._sirenc import MAGIC

FORMAT = "SIREN"


class SirenImageFile(ImageFile.ImageFile):
    """A picture that is rendered when its pixels are needed."""

    format = FORMAT
    format_description = "Neural field"

    def _open(self) -> None:
        field = sirenc.open(cast(BinaryIO, self.fp))
        if field.info["kind"] != "picture":
            raise SyntaxError(f"a {field.info['kind']}, expected a picture")
        height, width = (axis.length for axis in field.axes)
        single = {"uint16": "I;16", "float32": "F"}.get(field.dtype.name, "L")
        self._mode = {1: single, 2: "LA", 3: "RGB", 4: "RGBA"}[field.channels]
        self._size = (width, height)
        self.field: sirenc.Field | None = field

    def load(self) -> Any:
        if self.field is not None:
            dtype = {"I;16": np.uint16, "F": np.float32}.get(self.mode, np.uint8)
            self.im = Image.fromarray(self.field.render(dtype=dtype)).im
            self.field = None
        return super().load()


def _accept(start: bytes) -> bool:
    return start.startswith(MAGIC)


def _save(image: Image.Image, file: IO[bytes], name: str | bytes) -> None:
    options = image.encoderinfo
    if image.mode not in ("L", "LA", "RGB", "RGBA", "I;16", "F"):
        image = image.convert("RGBA" if image.has_transparency_data else "L" if image.mode == "1" else "RGB")
    pixels = np.asarray(image)
    file.write(sirenc.encode(pixels, axes="yxc"[: pixels.ndim], **options).bytes)


Image.register_open(FORMAT, SirenImageFile, _accept)
Image.register_save(FORMAT, _save)
Image.register_extension(FORMAT, ".siren")
Image.register_mime(FORMAT, "image/x-siren")
