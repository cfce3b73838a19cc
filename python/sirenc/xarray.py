"""An xarray backend: `xr.open_dataset("field.siren")` is lazy, with coordinates and units. Found by its entry point.

The data variable is `signal`, its dimensions are the axes, and `channel` if there are several. `dataset.siren.interp(x=…)`
evaluates the field itself, at any resolution and without interpolation.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

import sirenc


class SirenArray(BackendArray):
    """The native samples of a field, rendered when they are chosen."""

    def __init__(self, field: sirenc.Field) -> None:
        self.field, self.shape, self.dtype = field, field.shape, field.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.BASIC
        return indexing.explicit_indexing_adapter(key, self.shape, support, self.field.__getitem__)


class SirenBackend(BackendEntrypoint):
    """Opens a `.siren` file as a dataset."""

    description = "Neural fields (.siren)"
    open_dataset_parameters = ("filename_or_obj", "drop_variables")

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None
    ) -> xr.Dataset:
        field = sirenc.open(filename_or_obj)
        dims = _dims(field)
        coords = {}
        for axis, dim in zip(field.axes, dims):
            if (values := axis.coordinates) is not None:
                coords[dim] = (dim, values, {"units": axis.unit} if axis.unit else {})
        dataset = xr.Dataset({"signal": (dims, indexing.LazilyIndexedArray(SirenArray(field)), _attrs(field))}, coords)
        if isinstance(filename_or_obj, (str, os.PathLike)):
            dataset.encoding["source"] = os.fspath(filename_or_obj)
        dropped = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or [])
        return dataset.drop_vars(dropped, errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        return isinstance(filename_or_obj, (str, os.PathLike)) and os.fspath(filename_or_obj).endswith(".siren")


@xr.register_dataset_accessor("siren")  # type: ignore[no-untyped-call]
class SirenAccessor:
    """`dataset.siren`, of a dataset that was opened from a `.siren` file."""

    def __init__(self, dataset: xr.Dataset) -> None:
        source = dataset.encoding.get("source")
        if source is None:
            raise AttributeError("the dataset was not opened from the path of a .siren file")
        self.field = sirenc.open(source)

    def interp(self, derivative: Any = None, **coordinates: ArrayLike) -> xr.DataArray:
        """The field at coordinates of its dimensions, float32: arrays of one axis make a grid, numbers leave a dimension
        out, and dimensions that are not named keep their native samples. Coordinates beyond the field give NaN."""
        field, dims = self.field, _dims(self.field)
        unknown = sorted(set(coordinates) - set(dims[: len(field.axes)]))
        if unknown:
            raise sirenc.ParameterError(f"{unknown[0]}: no dimension of {dims[: len(field.axes)]}")
        wanted, positions = {}, []
        for axis, dim in zip(field.axes, dims):
            native = axis.at(np.arange(axis.length))
            native = np.arange(axis.length, dtype=float) if native is None else native
            at = np.asarray(coordinates.get(dim, native), float)
            wanted[dim] = at
            positions.append(axis.positions(at))
        if any(at.ndim > 1 for at in positions):
            raise sirenc.ParameterError("coordinates: several axes, expected numbers or arrays of one axis")
        points = np.stack(np.meshgrid(*positions, indexing="ij"), -1)
        lengths = np.array([axis.length for axis in field.axes])
        outside = np.asarray(~((points >= -0.5) & (points <= lengths - 0.5)).all(-1))
        values = field.sample(np.where(outside[..., None], 0.0, points), derivative)
        values[outside] = np.nan
        numbers = [k for k, at in enumerate(positions) if at.ndim == 0]
        values = values.squeeze(tuple(numbers))
        kept = [dim for dim in dims[: len(field.axes)] if wanted[dim].ndim == 1]
        rest = [*dims[len(field.axes) :], *{"gradient": ["by"], "hessian": ["by", "and"]}.get(derivative, [])]
        coords = {dim: (dim, at) if at.ndim else at for dim, at in wanted.items()}
        return xr.DataArray(values, coords, [*kept, *rest], "signal", _attrs(field) if derivative is None else {})


def _dims(field: sirenc.Field) -> tuple[str, ...]:
    """Names of the dimensions; letters of axes whose names are not unique."""
    names = [axis.name for axis in field.axes]
    names = names if len(set(names)) == len(names) else [f"axis_{k}" for k in range(len(names))]
    return (*names, "channel") if field.channels > 1 else tuple(names)


def _attrs(field: sirenc.Field) -> dict[str, Any]:
    named = field.info["channel_names"]
    name, unit = named[0] if len(named) == 1 else ("", "")
    return {key: value for key, value in [("long_name", name), ("units", unit)] if value}
