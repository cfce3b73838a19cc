#!/usr/bin/env python3
"""Half the size: means over footprints, as `decode` has them, against points, both against the mean of 2 x 2 true pixels.

usage: benches/shrinking.py SIRENC PICTURE...  [--bpp X] [--effort N] [--gradient-weight LAMBDA]      (pip install pillow==13.0.0 numpy==2.4.6)

PSNR is over all channels of unit values.
"""
import argparse, os, subprocess, tempfile
import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("sirenc")
parser.add_argument("pictures", nargs="+")
parser.add_argument("--bpp", default="2")
parser.add_argument("--effort", default="3")
parser.add_argument("--gradient-weight", default="0")
options = parser.parse_args()


def psnr(a, b):
    return -10 * np.log10(np.mean((a.astype(np.float64) - b) ** 2))


print("| picture | whole size | half size, footprints | half size, points |\n|---|---|---|---|")
for path in options.pictures:
    picture = np.asarray(Image.open(path).convert("RGB"), np.float64) / 255
    height, width = (n // 2 for n in picture.shape[:2])
    half = picture[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3).mean((1, 3))
    y, x = np.mgrid[:height, :width] * 2 + 0.5
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        run = lambda *arguments: subprocess.run([options.sirenc, *arguments, "-f"], check=True, stderr=subprocess.DEVNULL)
        run("encode", path, "-o", at("p.siren"), "--bpp", options.bpp, "--effort", options.effort,
            "--gradient-weight", options.gradient_weight)
        run("decode", at("p.siren"), "-o", at("whole.npy"))
        run("decode", at("p.siren"), "-o", at("half.npy"), "--size", f"{width}x{height}")
        np.save(at("points.npy"), np.stack([x, y], -1).reshape(-1, 2))
        run("sample", at("p.siren"), "--at", at("points.npy"), "-o", at("values.npy"))
        points = np.load(at("values.npy"))[:, 2:].reshape(height, width, 3)
        print(f"| {os.path.basename(path)} | {psnr(np.load(at('whole.npy')), picture):.2f} dB "
              f"| {psnr(np.load(at('half.npy')), half):.2f} dB | {psnr(points, half):.2f} dB |", flush=True)
