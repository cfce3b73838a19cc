"""`.siren` files in imageio: `import sirenc.imageio`, then `imageio.v3.imread` and `imwrite` know them.

`imread` takes the options of `Field.render`, such as `scale=2`; `imwrite` those of `sirenc.encode`, such as `psnr=35`.
A video is a batch of its frames.
"""

from collections.abc import Iterator
from typing import Any

import imageio.config
import numpy as np
from imageio.config.extensions import FileExtension
from imageio.config.plugins import PluginConfig
from imageio.core.request import IOMode, InitializationError, Request
from imageio.core.v3_plugin_api import ImageProperties, PluginV3
from numpy.typing import ArrayLike, NDArray

import sirenc


class SirenPlugin(PluginV3):
    """Reads and writes one signal."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._field: sirenc.Field | None = None
        if request.mode.io_mode == IOMode.read:
            try:
                self._field = sirenc.open(request.get_file())
            except sirenc.Error as error:
                raise InitializationError(str(error)) from error

    @property
    def field(self) -> sirenc.Field:
        """The file that is read."""
        if self._field is None:
            raise ValueError("the file was opened to be written")
        return self._field

    @property
    def _is_batch(self) -> bool:
        return bool(self.field.info["kind"] == "video")

    def read(self, *, index: Any = None, **options: Any) -> NDArray[Any]:
        """Renders all, or frame `index` of a video; options are those of `Field.render`."""
        if index is None or index is Ellipsis or (index == 0 and not self._is_batch):
            return self.field.render(**options)
        if not self._is_batch:
            raise IndexError(f"image {index} of a file with one")
        return np.asarray(self.field[index])

    def iter(self) -> Iterator[NDArray[Any]]:
        """The frames of a video, else the only image."""
        if not self._is_batch:
            yield self.read()
            return
        for frame in range(len(self.field)):
            yield self.read(index=frame)

    def write(self, ndimage: ArrayLike | list[ArrayLike], **options: Any) -> bytes | None:
        """Encodes an array; options are those of `sirenc.encode`."""
        encoded = sirenc.encode(np.asarray(ndimage), **options).bytes
        self.request.get_file().write(encoded)
        return encoded if self.request._uri_type == 0 else None

    def properties(self, index: int | None = None) -> ImageProperties:
        shape = self.field.shape[1:] if index is not None and self._is_batch else self.field.shape
        batch = index is None and self._is_batch
        return ImageProperties(shape, self.field.dtype, shape[0] if batch else None, batch)

    def metadata(self, index: int | None = None, exclude_applied: bool = True) -> dict[str, Any]:
        return self.field.info


imageio.config.known_plugins["siren"] = PluginConfig("siren", "SirenPlugin", __name__, install_name="sirenc")
_extension = FileExtension(extension=".siren", priority=["siren"], name="Neural field")
imageio.config.extension_list.append(_extension)
imageio.config.known_extensions[".siren"] = [_extension]
