"""Opening, rendering, slicing and sampling."""

import io
from pathlib import Path

import numpy as np
import pytest

import sirenc


def test_what_a_file_says(picture, fixtures):
    assert picture.shape == (128, 128, 3) and picture.ndim == 3 and picture.dtype == np.uint8 and len(picture) == 128
    assert [(axis.name, axis.length, axis.measure) for axis in picture.axes] == [("y", 128, "space"), ("x", 128, "space")]
    assert picture.info["kind"] == "picture" and picture.info["field"] == "siren"
    path = fixtures / "valid/fitted-astronaut-tiles.siren"
    assert picture.info["bytes"] == path.stat().st_size
    assert repr(picture).startswith("<sirenc.Field picture (128, 128, 3) of uint8 over y, x")
    for source in (str(path), path.read_bytes(), bytearray(path.read_bytes()), io.BytesIO(path.read_bytes())):
        assert sirenc.open(source).shape == picture.shape


def test_every_valid_fixture_opens_and_renders(fixtures):
    for path in sorted((fixtures / "valid").glob("*.siren")):
        field = sirenc.open(path)
        array = np.asarray(field)
        assert array.shape == field.shape and array.dtype == field.dtype, path.name
        part = tuple(slice(n // 3, n // 3 + 2) for n in field.shape[: len(field.axes)])
        assert np.array_equal(field[part], array[part], equal_nan=array.dtype.kind == "f"), path.name
        last = [axis.length - 0.5 for axis in field.axes]
        assert field.sample([last]).shape == (1, *field.shape[len(field.axes) :]), path.name


def test_every_invalid_fixture_is_an_error(fixtures):
    paths = sorted((fixtures / "invalid").glob("*"))
    assert paths
    for path in paths:
        with pytest.raises((sirenc.FormatError, sirenc.UnsupportedError, sirenc.LimitError)):
            sirenc.open(path)[...]


@pytest.mark.parametrize(
    "index",
    [
        np.s_[10:20, ::2],
        np.s_[5],
        np.s_[-1, -3],
        np.s_[..., 1],
        np.s_[3, ..., -1],
        np.s_[100:4:-7, 50:20:-1],
        np.s_[::-1],
        np.s_[3:3],
        np.s_[7, 9, 2],
        np.s_[120:400, np.int64(4)],
        np.s_[:, :, ::-1],
        (),
    ],
)
def test_a_slice_has_the_samples_of_the_whole(picture, index):
    part = picture[index]
    expected = np.asarray(picture)[index]
    assert part.shape == expected.shape and np.array_equal(part, expected)


@pytest.mark.parametrize("index", [128, (0, -129), (1, 2, 3, 4), True, "x", 1.0, (..., ...), np.array([1, 2])])
def test_other_indices_are_refused(picture, index):
    with pytest.raises(IndexError):
        picture[index]


def test_sizes_scales_regions_and_types(picture):
    assert picture.render(size=(10, 20)).shape == (10, 20, 3)
    assert picture.render(scale=0.5).shape == (64, 64, 3)
    zoom = picture.render(size=(8, 8), region=[(10, 14), (20, 24)], dtype=np.float32)
    assert zoom.shape == (8, 8, 3) and 0 <= zoom.min() and zoom.max() <= 1
    crop = picture.render(region=[(10, 14), (20, 24)])
    assert np.array_equal(crop, picture[10:14, 20:24])
    unit = picture.render(dtype="float32")
    assert np.array_equal(np.asarray(picture), np.clip(np.rint(unit * np.float32(255)), 0, 255))
    assert picture.render(dtype=np.float64).dtype == np.float64
    assert picture.render(dtype="uint16").dtype == np.uint16
    with pytest.raises(sirenc.ParameterError, match="dtype: int32"):
        picture.render(dtype="int32")
    with pytest.raises(sirenc.ParameterError, match="expected at most one"):
        picture.render(size=(1, 1), scale=2)
    for wrong in [dict(size=4), dict(size=(0, 4)), dict(scale=-1), dict(scale=float("nan"))]:
        with pytest.raises(sirenc.ParameterError):
            picture.render(**wrong)
    with pytest.raises(ValueError, match="region"):
        picture.render(region=[(0, 129), (0, 4)])


def test_derivatives_are_in_the_order_of_the_axes(picture):
    point, step = np.array([40.3, 70.6]), 1e-2
    gradient = picture.sample(point, "gradient")
    hessian = picture.sample(point, "hessian")
    assert gradient.shape == (3, 2) and hessian.shape == (3, 2, 2)
    assert np.array_equal(hessian, np.swapaxes(hessian, -1, -2))
    for axis in range(2):
        by = np.eye(2)[axis] * step
        slope = (picture.sample(point + by).astype(float) - picture.sample(point - by)) / (2 * step)
        assert np.allclose(gradient[:, axis], slope, atol=1e-3)
        second = (picture.sample(point + by, "gradient") - picture.sample(point - by, "gradient")) / (2 * step)
        assert np.allclose(hessian[:, axis], second, atol=1e-3)
    assert np.allclose(picture.sample(point, "laplacian"), np.trace(hessian, axis1=-2, axis2=-1), atol=1e-5)
    whole = picture.gradient(region=[(40, 41), (70, 71)])
    assert whole.shape == (1, 1, 3, 2)
    assert np.allclose(whole[0, 0], picture.sample([40, 70], "gradient"))
    assert picture.laplacian(size=(4, 4)).shape == (4, 4, 3)


def test_points(picture):
    grid = np.stack(np.meshgrid([3, 4, 5], [6, 7], indexing="ij"), -1)
    assert np.array_equal(picture.sample(grid), picture.render(dtype="float32")[3:6, 6:8])
    assert picture.sample(np.zeros((0, 2))).shape == (0, 3)
    for wrong in ([1.0], [[1, 2, 3]], [-0.6, 0], [float("nan"), 0]):
        with pytest.raises(sirenc.ParameterError):
            picture.sample(wrong)


def test_a_block_file_decodes_what_is_asked_for(fixtures):
    """A part is the part of the whole, whichever is asked for first."""
    for path in (fixtures / "valid").glob("*block*.siren"):
        whole = np.asarray(sirenc.open(path))
        field = sirenc.open(path)
        assert np.array_equal(field[-5:, -5:], whole[-5:, -5:])
        assert np.array_equal(field[:5, :5], whole[:5, :5])


def test_limits_are_errors_before_anything_is_spent(picture, fixtures):
    path = fixtures / "valid/fitted-astronaut-tiles.siren"
    with pytest.raises(sirenc.LimitError, match="samples"):
        picture.render(size=(1 << 20, 1 << 20))
    with pytest.raises(sirenc.LimitError):
        sirenc.open(path, max_memory=1000)
    with pytest.raises(sirenc.LimitError, match="multiply-adds"):
        sirenc.open(path, max_macs=1000).render()
    assert np.array_equal(np.asarray(sirenc.open(path, threads=1)), np.asarray(picture))
    with pytest.raises(sirenc.ParameterError, match="threads"):
        sirenc.open(path, threads=100_000)


def test_what_is_no_file():
    with pytest.raises(FileNotFoundError):
        sirenc.open("nowhere.siren")
    with pytest.raises(sirenc.FormatError):
        sirenc.open(b"")
    with pytest.raises(sirenc.FormatError):
        sirenc.open(b"\x89PNG\r\n\x1a\n" + bytes(100))


def test_pictures_in_notebooks(picture):
    image = pytest.importorskip("PIL.Image")
    png = picture._repr_png_()
    assert np.array_equal(np.asarray(image.open(io.BytesIO(png))), np.asarray(picture))
