"""Many files on a cluster of two nodes, with a worker that is killed."""

import os
import signal

import numpy as np
import pytest
from conftest import ramp

import sirenc

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")


@pytest.fixture(scope="module")
def cluster():
    nodes = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes.add_node(num_cpus=1)
    ray.init(address=nodes.address)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


def test_every_file_is_there_once_although_a_worker_dies(cluster, tmp_path):
    import sirenc.ray

    out = tmp_path / "out"
    paths = [tmp_path / f"picture-{k:02}.npy" for k in range(30)]
    for k, path in enumerate(paths):
        np.save(path, np.roll(ramp(), k, 0))
    (tmp_path / "corrupt.npy").write_bytes(b"\x93NUMPY nothing")
    paths.append(tmp_path / "corrupt.npy")
    options = dict(psnr=32, effort=1)

    results = []
    for result in sirenc.ray.encode(paths, out, **options):
        results.append(result)
        if len(results) == 3:
            os.kill(result.worker, signal.SIGKILL)
    status = {result.path: result.status for result in results}
    assert len(results) == len(status) == 31
    assert status.pop(str(tmp_path / "corrupt.npy")) == "failed" and set(status.values()) <= {"done", "kept"}
    names = sorted(path.name for path in out.iterdir())
    assert names == sorted(f"picture-{k:02}.siren{end}" for k in range(30) for end in ("", ".json"))
    assert (out / "picture-03.siren").read_bytes() == sirenc.encode(paths[3], **options).bytes

    # What is whole is kept; what is damaged or made from something else is made again.
    (out / "picture-01.siren").write_bytes(b"damaged")
    np.save(paths[2], ramp()[::-1])
    again = {result.path: result.status for result in sirenc.ray.encode(paths[:4], out, **options)}
    assert [again[str(path)] for path in paths[:4]] == ["kept", "done", "done", "kept"]


def test_addresses_and_arguments(cluster, tmp_path):
    import sirenc.ray

    np.save(tmp_path / "ramp.npy", ramp())
    address = f"file://{tmp_path}"
    [result] = sirenc.ray.encode([f"{address}/ramp.npy"], f"{address}/out", effort=1)
    assert result.status == "done" and (tmp_path / "out/ramp.siren").exists()
    with pytest.raises(sirenc.ParameterError, match="both become"):
        sirenc.ray.encode(["a/x.png", "b/x.png"], tmp_path)
    with pytest.raises(sirenc.ParameterError, match="options"):
        sirenc.ray.encode([], tmp_path, progress=print)
    [result] = sirenc.ray.encode([tmp_path / "nowhere.png"], tmp_path)
    assert result.status == "failed" and "nowhere.png" in result.error
