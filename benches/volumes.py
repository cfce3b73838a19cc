#!/usr/bin/env python3
"""Sizes of volumes and fields at equal error beside SZ3 and ZFP.

    pip install numpy scipy pysz zfpy
    python benches/volumes.py SIRENC ARRAY.npy [--psnr 35,40,45] [--effort 5] [--axes zyx]

ARRAY is encoded at each PSNR, which refers to the range of the array; SZ3 (pysz, its default algorithm) and ZFP (zfpy) are
given the tolerance at which their own error is the one that was reached, by bisection. Ratios are bytes of the array over bytes
of the file. NaN is a missing sample: errors are those of the others; SZ3 and ZFP are given the nearest sample in its place, and
not charged for a mask.
"""
import argparse
import json
import math
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import zfpy
from pysz import sz, szConfig, szErrorBoundMode
from scipy.ndimage import distance_transform_edt


def nrmse(a, b):
    span = float(np.nanmax(a)) - float(np.nanmin(a))
    return math.sqrt(np.nanmean((a.astype(float) - b.astype(float)) ** 2)) / span


def filled(array):
    """The array with the nearest sample in the place of a missing one."""
    missing = np.isnan(array)
    nearest = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return np.ascontiguousarray(array[tuple(nearest)])


def with_zfp(array, tolerance):
    data = zfpy.compress_numpy(array, tolerance=tolerance)
    return len(data), zfpy.decompress_numpy(data)


def with_sz(array, tolerance):
    config = szConfig(*array.shape)
    config.errorBoundMode = szErrorBoundMode.ABS
    config.absErrorBound = tolerance
    data, _ = sz.compress(array, config)
    back, _ = sz.decompress(data, array.dtype, array.shape)
    return len(data), back


def at_error(compress, array, wanted):
    """The smallest size whose error is at most `wanted`."""
    span = float(np.nanmax(array)) - float(np.nanmin(array))
    whole = filled(array)
    low, high, best = 1e-9 * span, span, None
    for _ in range(28):
        tolerance = math.sqrt(low * high)
        size, back = compress(whole, tolerance)
        if nrmse(array, back) <= wanted:
            best, low = min(size, best or size), tolerance
        else:
            high = tolerance
    return best


def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("sirenc")
    flags.add_argument("array", type=Path)
    flags.add_argument("--psnr", default="35,40,45")
    flags.add_argument("--effort", default="5")
    flags.add_argument("--axes")
    flags = flags.parse_args()
    array = np.load(flags.array)
    floats = np.ascontiguousarray(array, np.float32)
    extra = ["--axes", flags.axes] if flags.axes else []
    print("| PSNR | NRMSE | sirenc | SZ3 | ZFP | against the better | time |\n|---|---|---|---|---|---|---|")
    for psnr in flags.psnr.split(","):
        with tempfile.TemporaryDirectory() as folder:
            file, back = Path(folder, "a.siren"), Path(folder, "a.npy")
            started = time.time()
            run = [flags.sirenc, "encode", flags.array, "-o", file, "--psnr", psnr, "--effort", flags.effort, "--json", *extra]
            done = subprocess.run(run, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            seconds, report = time.time() - started, json.loads(done.stdout)
            subprocess.run([flags.sirenc, "decode", file, "-o", back, "-q"], check=True)
            decoded = np.load(back).reshape(array.shape)
        error, size = nrmse(floats, decoded), report["bytes"]
        others = [at_error(compress, floats, error) for compress in (with_sz, with_zfp)]
        ratio = lambda n: f"{array.nbytes / n:.1f}"
        print(f"| {report['psnr_db']:.2f} dB | {error:.2e} | {ratio(size)} | {ratio(others[0])} | {ratio(others[1])} | "
              f"{min(others) / size:.2f} | {seconds:.0f} s |", flush=True)


main()
