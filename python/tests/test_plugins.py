"""Pillow, imageio, numcodecs, Zarr and xarray, each where it is installed."""

import io

import numpy as np
import pytest
from conftest import FIXTURES, ramp

import sirenc

TILES = FIXTURES / "valid/fitted-astronaut-tiles.siren"


def test_pillow_opens_every_picture():
    Image = pytest.importorskip("PIL.Image")
    import sirenc.pillow

    modes = set()
    for path in sorted((FIXTURES / "valid").glob("*.siren")):
        field = sirenc.open(path)
        if field.info["kind"] != "picture":
            with pytest.raises(OSError):
                Image.open(path)
            continue
        with Image.open(path) as image:
            assert image.format == "SIREN" and image.size == field.shape[1::-1], path.name
            modes.add(image.mode)
            pixels = np.asarray(image)
        own = image.mode in ("I;16", "F") or field.dtype == np.uint8
        assert np.array_equal(pixels, field.render(dtype=None if own else np.uint8), equal_nan=own and image.mode == "F")
    assert modes == {"L", "LA", "RGB", "RGBA", "I;16", "F"}


def test_pillow_saves(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    import sirenc.pillow

    for mode in ("L", "P", "1", "RGBA", "F"):
        path = tmp_path / f"{mode}.siren"
        Image.fromarray(ramp(6, 7)).convert(mode).save(path, psnr=30, effort=1)
        assert Image.open(path).size == (7, 6)
    assert Image.open(io.BytesIO(path.read_bytes())).mode == "F"
    with pytest.raises(sirenc.ParameterError):
        Image.fromarray(ramp()).save(tmp_path / "wrong.siren", effort=77)


def test_imageio(tmp_path):
    iio = pytest.importorskip("imageio.v3")
    import sirenc.imageio

    field = sirenc.open(TILES)
    assert np.array_equal(iio.imread(TILES), np.asarray(field))
    assert iio.imread(TILES, scale=0.5).shape == (64, 64, 3)
    assert iio.improps(TILES).shape == (128, 128, 3)
    assert iio.immeta(TILES)["kind"] == "picture"
    video = FIXTURES / "valid/video-rgb-u8.siren"
    frames = list(iio.imiter(video))
    assert np.array_equal(np.stack(frames), iio.imread(video)) and iio.improps(video).is_batch
    assert np.array_equal(iio.imread(video, index=1), frames[1])
    iio.imwrite(tmp_path / "ramp.siren", ramp(), psnr=30, effort=1)
    assert sirenc.verify(tmp_path / "ramp.siren", ramp())["psnr_db"] > 29.9
    with pytest.raises(OSError):
        (tmp_path / "bad.siren").write_bytes(b"nothing")
        iio.imread(tmp_path / "bad.siren", plugin="siren")


CHUNKS = [
    (np.float32, (20, 30)),
    (np.float64, (20, 1, 30)),
    (np.int16, (6, 10, 12)),
    (np.uint8, (1, 1)),
    (np.int32, (40,)),
    (np.int64, (3, 4, 5, 6)),
]


def smooth(dtype, shape):
    values = sum(np.sin(grid / 5.0) for grid in np.indices(shape))
    return (100 + 20 * values).astype(dtype)


@pytest.mark.parametrize("dtype, shape", CHUNKS)
def test_numcodecs(dtype, shape):
    numcodecs = pytest.importorskip("numcodecs")
    from sirenc.numcodecs import Siren

    numcodecs.register_codec(Siren)
    codec = numcodecs.get_codec({"id": "siren", "dtype": np.dtype(dtype).str, "psnr": 45, "effort": 1})
    assert numcodecs.get_codec(codec.get_config()).get_config() == codec.get_config()
    array = smooth(dtype, shape)
    for turned in (array, np.asfortranarray(array)):
        back = codec.decode(codec.encode(turned))
        order = "C" if turned.flags.c_contiguous else "F"
        assert back.dtype == dtype and np.abs(back.reshape(shape, order=order).astype(float) - array).max() < 10
    out = np.empty_like(array)
    codec.decode(codec.encode(array), out)
    assert np.abs(out.astype(float) - array).max() < 10


@pytest.mark.parametrize("dtype, shape", CHUNKS)
def test_zarr(dtype, shape):
    zarr = pytest.importorskip("zarr", "3")
    from sirenc.zarr import SirenCodec

    zarr.registry.register_codec("siren", SirenCodec)
    store, array = zarr.storage.MemoryStore(), smooth(dtype, shape)
    chunks = tuple(max(1, n // 2) for n in shape)
    codec = SirenCodec(psnr=45, effort=1)
    stored = zarr.create_array(store, shape=shape, chunks=chunks, dtype=dtype, serializer=codec, compressors=None)
    stored[...] = array
    stored = zarr.open_array(store, mode="r")
    whole = stored[...]
    assert whole.dtype == dtype and np.abs(whole.astype(float) - array).max() < 10
    part = tuple(slice(n // 3, n // 3 + max(1, n // 2)) for n in shape)
    assert np.array_equal(stored[part], whole[part])
    assert np.array_equal(stored[tuple(slice(None, None, 3) for _ in shape)], whole[tuple(slice(None, None, 3) for _ in shape)])
    assert np.array_equal(stored[tuple(n // 2 for n in shape)], whole[tuple(n // 2 for n in shape)])
    assert np.array_equal(stored.oindex[[0, shape[0] - 1]], whole[[0, shape[0] - 1]])
    with pytest.raises(ValueError, match="expected integers or floats"):
        zarr.create_array({}, shape=shape, chunks=chunks, dtype=bool, serializer=codec, compressors=None)


def test_xarray(tmp_path):
    xr = pytest.importorskip("xarray")
    from sirenc.xarray import SirenBackend

    dataset = xr.open_dataset(TILES, engine=SirenBackend)
    field = sirenc.open(TILES)
    assert dataset.signal.dims == ("y", "x", "channel") and dataset.signal.dtype == np.uint8
    assert np.array_equal(dataset.signal[3:9, ::-2].values, np.asarray(field)[3:9, ::-2])
    assert np.array_equal(dataset.signal[[5, 1], 4].values, np.asarray(field)[[5, 1], 4])
    found = dataset.siren.interp(y=[1.5, 2, 1000], x=7)
    assert found.dims == ("y", "channel") and np.isnan(found[2]).all()
    assert np.array_equal(found[:2], field.sample([[1.5, 7], [2, 7]]))
    assert dataset.siren.interp("gradient", y=[1.5], x=[3, 4]).shape == (1, 2, 3, 2)
    with pytest.raises(sirenc.ParameterError, match="no dimension"):
        dataset.siren.interp(z=1)


def test_xarray_has_coordinates_and_units(tmp_path):
    xr = pytest.importorskip("xarray")
    from sirenc.xarray import SirenBackend

    sirenc.encode(FIXTURES / "media/ocean.nc", variable="temp", effort=1, nrmse=0.05).save(tmp_path / "field.siren")
    dataset = xr.open_dataset(tmp_path / "field.siren", engine=SirenBackend)
    assert dataset.coords
    axis = sirenc.open(tmp_path / "field.siren").axes[0]
    assert np.array_equal(dataset[axis.name], axis.coordinates) and dataset[axis.name].attrs.get("units", "") == axis.unit
    assert np.array_equal(dataset.siren.interp(), dataset.signal, equal_nan=True) and dataset.signal.notnull().any()
    lon = dataset.siren.field.axes[2]
    between = (lon.coordinates[:-1] + lon.coordinates[1:]) / 2
    at = np.stack(np.meshgrid(range(5), range(6), np.arange(6) + 0.5, indexing="ij"), -1)
    found = dataset.siren.interp(lon=between)
    assert np.array_equal(found, dataset.siren.field.sample(at), equal_nan=True) and found.attrs["units"] == "degC"


def test_entry_points_are_found():
    from importlib.metadata import entry_points

    if not any(point.value.startswith("sirenc.") for point in entry_points(group="xarray.backends")):
        pytest.skip("the package is not installed")
    for group, library in [("numcodecs.codecs", "numcodecs"), ("zarr.codecs", "zarr"), ("xarray.backends", "xarray")]:
        pytest.importorskip(library)
        assert [point.load() for point in entry_points(group=group) if point.value.startswith("sirenc.")]
