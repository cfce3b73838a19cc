#!/usr/bin/env python3
"""Enlarging twice: the field of the half-size picture against Lanczos of its decoded pixels, both against the true one.

usage: benches/enlarging.py SIRENC PICTURE...  [--psnr DB] [--effort N] [--gradient-weight LAMBDA]      (pip install pillow==13.0.0 numpy==2.4.6)

The half-size picture is the mean of 2 x 2 pixels, fitted to at least DB (38). PSNR is over all channels of 8-bit pixels.
"""
import argparse, json, os, subprocess, tempfile
import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("sirenc")
parser.add_argument("pictures", nargs="+")
parser.add_argument("--psnr", default="38.2")
parser.add_argument("--effort", default="3")
parser.add_argument("--gradient-weight", default="0")
options = parser.parse_args()


def psnr(a, b):
    error = np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2)
    return 10 * np.log10(255**2 / error)


print("| picture | half size, PSNR | parameters' bpp | field | Lanczos | difference |\n|---|---|---|---|---|---|")
for path in options.pictures:
    picture = Image.open(path)
    picture = picture.crop((0, 0, picture.width // 2 * 2, picture.height // 2 * 2))
    half = picture.reduce(2)
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        half.save(at("half.png"))
        encode = [options.sirenc, "encode", at("half.png"), "-o", at("half.siren"), "--json"]
        encode += ["--psnr", options.psnr, "--effort", options.effort, "--gradient-weight", options.gradient_weight]
        run = subprocess.run(encode, stdout=subprocess.PIPE)
        report = json.loads(run.stdout)
        for name, arguments in [("small.png", []), ("large.png", ["--scale", "2"])]:
            subprocess.run([options.sirenc, "decode", at("half.siren"), "-o", at(name), "-q", *arguments], check=True)
        small, large = Image.open(at("small.png")), Image.open(at("large.png"))
        network = psnr(large, picture)
        lanczos = psnr(small.resize(picture.size, Image.LANCZOS), picture)
    name = os.path.basename(path)
    print(f"| {name} | {report['psnr_db']:.2f} dB | {report['bpp']:.2f} | {network:.2f} dB | {lanczos:.2f} dB "
          f"| {network - lanczos:+.2f} dB |", flush=True)
