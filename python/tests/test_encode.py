"""Encoding arrays and files, and verifying the result."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import FIXTURES, ramp

import sirenc

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", FIXTURES.parent / "target"))
PROGRAM = next((path for path in (TARGET / "release/sirenc", TARGET / "debug/sirenc") if path.exists()), None)
FAST = dict(effort=1, psnr=30)


def test_an_array_becomes_a_file_and_back(tmp_path):
    encoded = sirenc.encode(ramp(), **FAST)
    assert encoded.report["psnr_db"] > 29.9 and encoded.report["reached"] and encoded.report["bytes"] == len(encoded.bytes)
    encoded.save(tmp_path / "ramp.siren")
    assert [path.name for path in tmp_path.iterdir()] == ["ramp.siren"]
    field = sirenc.open(tmp_path / "ramp.siren")
    assert field.shape == (24, 32)
    found = sirenc.verify(field, ramp())
    assert abs(found["psnr_db"] - encoded.report["psnr_db"]) < 1e-3 and found["intact"]
    assert sirenc.verify(encoded.bytes) == {"intact": True}


@pytest.mark.skipif(PROGRAM is None, reason="the command line is not built")
@pytest.mark.parametrize("name", ["astronaut-128.png", "chirp-16.wav"])
def test_bytes_are_those_of_the_command_line(name, tmp_path):
    path, out = FIXTURES / "media" / name, tmp_path / "out.siren"
    options = ["--effort", "1", "--seed", "3", "--device", "cpu"]
    subprocess.run([PROGRAM, "encode", path, "-o", out, "-q", *options], check=True)
    assert sirenc.encode(path, effort=1, seed=3).bytes == out.read_bytes()


def test_a_file_and_its_array_are_encoded_alike(tmp_path):
    path = tmp_path / "ramp.npy"
    np.save(path, ramp())
    assert sirenc.encode(path, **FAST).bytes == sirenc.encode(ramp(), **FAST).bytes


@pytest.mark.parametrize(
    "turn",
    [
        np.asfortranarray,
        lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
        lambda a: np.repeat(a, 2, 1)[:, ::2],
        lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
        lambda a: a.astype(">u2"),
    ],
    ids=["fortran", "negative", "strided", "read-only", "big-endian"],
)
def test_memory_in_any_order_is_the_same_array(turn):
    array = ramp().astype(np.uint16) * 200
    assert sirenc.encode(turn(array), **FAST).bytes == sirenc.encode(array, **FAST).bytes


def test_axes_and_rates():
    volume = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
    field = sirenc.open(sirenc.encode(volume, axes="tyx", rate=25, **FAST).bytes)
    assert [axis.measure for axis in field.axes] == ["time", "space", "space"]
    assert np.allclose(field.axes[0].coordinates, np.arange(5) / 25) and field.axes[0].unit == "s"
    sound = np.sin(np.arange(800) / 9).astype(np.float32)
    field = sirenc.open(sirenc.encode(sound, rate=8000, effort=1).bytes)
    assert field.axes[0].rate == 8000 and field.info["kind"] == "sound"
    for rate in (0, -1, float("nan"), float("inf")):
        with pytest.raises(sirenc.ParameterError, match="rate"):
            sirenc.encode(sound, rate=rate)
    with pytest.raises(sirenc.ParameterError, match="rate"):
        sirenc.encode(ramp(), rate=8000)


def test_missing_samples_stay_missing():
    array = ramp().astype(np.float32)
    array[3:5, 4:9] = np.nan
    field = sirenc.open(sirenc.encode(array, **FAST).bytes)
    assert field.info["has_missing"] and np.array_equal(np.isnan(field), np.isnan(array))


@pytest.mark.parametrize(
    "array, words",
    [
        (np.array([[object()]]), "dtype object"),
        (np.full((20, 20), "x"), "expected integers or floats"),
        (np.zeros((20, 20), complex), "two channels"),
        (np.zeros((0, 20)), "expected at least one"),
        (np.float32(3), "at least one axis"),
        (np.full((20, 20), np.nan), "missing"),
        (np.full((20, 20), np.inf), "inf"),
        (np.zeros((2, 2, 2, 2, 2, 2)), "axes"),
    ],
)
def test_what_cannot_be_encoded_is_refused(array, words):
    with pytest.raises(sirenc.Error, match=words):
        sirenc.encode(array)


def test_too_much_is_refused_before_memory_is_spent():
    huge = np.broadcast_to(np.uint8(1), (1 << 20, 1 << 20))
    with pytest.raises(sirenc.LimitError, match="max_memory"):
        sirenc.encode(huge)


@pytest.mark.parametrize(
    "options",
    [dict(psnr=30, bpp=1), dict(effort=0), dict(effort=10), dict(seed=-1), dict(threads=0), dict(psnr=float("nan")),
     dict(size=3), dict(size=-1), dict(field="wavelet"), dict(time_limit=-1), dict(time_limit=float("nan")), dict(axes="zyx"),
     dict(quality=101)],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(sirenc.ParameterError):
        sirenc.encode(ramp(), **options)


def test_progress_and_an_early_end():
    seen = []
    array = np.tile(ramp(128, 128), (2, 2))
    sirenc.encode(array, effort=2, progress=lambda progress: seen.append(progress))
    assert seen and all(0 <= progress.done <= 1 for progress in seen)
    assert {progress.phase for progress in seen} <= {"probe", "fit", "quantize"}
    early = sirenc.encode(array, effort=9, progress=lambda progress: False)
    assert early.report["interrupted"] and sirenc.open(early.bytes).shape == array.shape
    with pytest.raises(ZeroDivisionError):
        sirenc.encode(array, effort=9, progress=lambda progress: 1 / 0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_a_fit():
    # A shell that starts tests in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    started = time.monotonic()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            sirenc.encode(np.random.default_rng(0).integers(0, 255, (512, 512), np.uint8), effort=9, quality=90)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - started < 30


def test_other_threads_run_meanwhile():
    ticks = []
    stop = threading.Event()
    ticker = threading.Thread(target=lambda: [ticks.append(None) for _ in iter(lambda: stop.wait(0.01), True)])
    ticker.start()
    sirenc.encode(np.tile(ramp(128, 128), (2, 2)), effort=1)
    stop.set()
    ticker.join()
    assert len(ticks) >= 3


def test_verify_tells_other_signals_apart():
    encoded = sirenc.encode(ramp(), **FAST)
    with pytest.raises(sirenc.ParameterError, match="original"):
        sirenc.verify(encoded.bytes, ramp(24, 30))
    with pytest.raises(sirenc.FormatError):
        sirenc.verify(encoded.bytes[:-3])
