"""Many files on a Ray cluster: `for result in sirenc.ray.encode(paths, "out", psnr=35): …`.

Paths are local ones that all nodes see, or addresses that fsspec knows, such as `s3://bucket/picture.png`. A run that was
killed is simply started again: what is there, whole and made from the same bytes with the same options, is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import fsspec
import ray

import sirenc

from .errors import ParameterError

LARGE = 4 << 20
"""Files of more bytes get `LARGE_CPUS` processors."""
LARGE_CPUS = 2


@dataclass(frozen=True)
class Result:
    """What became of one file."""

    path: str
    output: str
    status: Literal["done", "kept", "failed"]
    """`kept` if the output was there from an earlier run."""
    error: str | None
    report: dict[str, Any] | None
    """As in `sirenc.Encoded`."""
    seconds: float
    worker: int
    """The process that did it; 0 if it was lost."""


def encode(
    paths: Iterable[str | os.PathLike[str]] | ray.data.Dataset,
    out: str | os.PathLike[str],
    *,
    retries: int = 3,
    waiting: int = 1000,
    **options: Any,
) -> Iterator[Result]:
    """Encodes files into the folder `out`, and gives a result for each as it ends; a bad file is one failed result.

    `paths` may be a Ray dataset with a column `path`. `options` are those of `sirenc.encode`. The largest files begin first,
    and have more processors. A file whose worker is lost is tried `retries` times more; at most `waiting` tasks are queued.
    Beside each output lies `NAME.siren.json`, which tells what it was made from.

    Raises `ParameterError`, before any work, if two files would have one output, or an option cannot be sent.
    """
    if hasattr(paths, "iter_rows"):
        paths = [row["path"] for row in paths.iter_rows()]
    sources = [os.fspath(path) for path in paths]
    outputs = [_output(path, os.fspath(out)) for path in sources]
    if len(set(outputs)) < len(outputs):
        twice = next(output for output in outputs if outputs.count(output) > 1)
        raise ParameterError(f"paths: two files would both become {twice}")
    try:
        json.dumps(options)
    except TypeError as error:
        raise ParameterError(f"options: {error}, expected numbers, texts and truth values") from None
    return _results(sources, outputs, options, retries, waiting)


def _results(
    sources: list[str], outputs: list[str], options: dict[str, Any], retries: int, waiting: int
) -> Iterator[Result]:
    if not ray.is_initialized():
        ray.init()
    most = max((node["Resources"].get("CPU", 1) for node in ray.nodes() if node["Alive"]), default=1)
    sized = sorted(zip(sources, outputs), key=lambda pair: -_size(pair[0]))
    running: dict[Any, tuple[str, str]] = {}
    for path, output in sized:
        cpus = int(min(LARGE_CPUS, most)) if _size(path) > LARGE else 1
        task = _encode.options(num_cpus=cpus, max_retries=retries)
        running[task.remote(path, output, {"threads": cpus, **options})] = (path, output)
        if len(running) >= waiting:
            yield _next(running)
    while running:
        yield _next(running)


def _next(running: dict[Any, tuple[str, str]]) -> Result:
    [ended], _ = ray.wait(list(running), num_returns=1)
    path, output = running.pop(ended)
    try:
        result: Result = ray.get(ended)
        return result
    except ray.exceptions.RayError as error:
        return Result(path, output, "failed", f"the worker was lost: {error}", None, 0.0, 0)


@ray.remote
def _encode(path: str, output: str, options: dict[str, Any]) -> Result:
    started = time.monotonic()

    def result(status: Any, error: str | None = None, report: dict[str, Any] | None = None) -> Result:
        return Result(path, output, status, error, report, time.monotonic() - started, os.getpid())

    try:
        with fsspec.open(path, "rb") as file:
            source = file.read()
        # The number of threads does not change the bytes.
        said = {key: value for key, value in options.items() if key != "threads"}
        made_from = hashlib.sha256(json.dumps(said, sort_keys=True).encode() + source).hexdigest()
        report = _kept(output, made_from)
        if report is not None:
            return result("kept", report=report)
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, posixpath.basename(path))
            with open(copy, "wb") as file:
                file.write(source)
            encoded = sirenc.encode(copy, **options)
        digest = hashlib.sha256(encoded.bytes).hexdigest()
        record = {"made_from": made_from, "sha256": digest, "options": said, "report": encoded.report}
        _write(output, encoded.bytes)
        _write(_record(output), json.dumps(record).encode())
        return result("done", report=encoded.report)
    except (sirenc.Error, OSError, MemoryError) as error:
        return result("failed", f"{type(error).__name__}: {error}")


def _kept(output: str, made_from: str) -> dict[str, Any] | None:
    """The report of an output that is whole and made from the same bytes with the same options."""
    try:
        with fsspec.open(_record(output), "rb") as file:
            record = json.loads(file.read())
        with fsspec.open(output, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        same = (record["made_from"], record["sha256"]) == (made_from, digest)
        return dict(record["report"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: str, data: bytes) -> None:
    """Writes a file as a whole: a task that is repeated overwrites what an earlier attempt left."""
    system, inside = fsspec.core.url_to_fs(path)
    folder, name = posixpath.split(inside)
    system.makedirs(folder, exist_ok=True)
    if isinstance(system, fsspec.implementations.local.LocalFileSystem):
        part = posixpath.join(folder, f".{name}.part")
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, inside)
    else:
        system.pipe_file(inside, data)


def _record(output: str) -> str:
    return f"{output}.json"


def _output(path: str, out: str) -> str:
    name = posixpath.basename(path.replace(os.sep, "/"))
    return posixpath.join(out, posixpath.splitext(name)[0] + ".siren")


def _size(path: str) -> int:
    """Bytes of a file; 0 if it cannot be told."""
    try:
        system, inside = fsspec.core.url_to_fs(path)
        return int(system.size(inside) or 0)
    except (OSError, ValueError, ImportError):
        return 0
