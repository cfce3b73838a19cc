#!/usr/bin/env python3
"""PSNR over bytes of a video beside x264 and x265.

    pip install numpy
    python benches/video.py SIRENC FILM.mp4 [--kB 100,200,400] [--effort 5]

All are decoded to 8-bit RGB by ffmpeg, which must be on the path with libx264 and libx265 (preset medium, two passes). A file counts
with all of its bytes, that of a Matroska container too.
"""
import argparse
import json
import math
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np


def probe(path):
    entries = ["-select_streams", "v:0", "-show_entries", "stream=width,height,nb_frames,r_frame_rate", "-of", "json"]
    stream = json.loads(subprocess.check_output(["ffprobe", "-v", "error", *entries, path]))["streams"][0]
    rate = [int(number) for number in stream["r_frame_rate"].split("/")]
    return stream["width"], stream["height"], rate[0] / rate[1]


def frames(path, width, height):
    raw = subprocess.check_output(["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def psnr(a, b):
    count = min(len(a), len(b))
    error = np.mean([np.mean((a[i].astype(float) - b[i]) ** 2) for i in range(count)])
    return 10 * math.log10(255**2 / error)


def classical(codec, film, size, seconds, folder):
    """The bytes and the path of two passes at the rate that gives `size`."""
    out = Path(folder, f"{codec}.mkv")
    log = str(Path(folder, codec))
    for number in (1, 2):
        passes = ["-pass", str(number), "-passlogfile", log]
        if codec == "libx265":
            passes = ["-x265-params", f"log-level=none:pass={number}:stats={log}"]
        run = ["ffmpeg", "-v", "error", "-y", "-i", film, "-an", "-c:v", codec, "-preset", "medium", "-b:v", str(int(8 * size / seconds)),
               *passes, out]
        subprocess.run(run, check=True)
    return os.path.getsize(out), out


def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("sirenc")
    flags.add_argument("film")
    flags.add_argument("--kB", default="100,200,400")
    flags.add_argument("--effort", default="5")
    flags = flags.parse_args()
    width, height, rate = probe(flags.film)
    source = frames(flags.film, width, height)
    print("| sirenc | x264 | x265 | time of sirenc |\n|---|---|---|---|")
    for size in flags.kB.split(","):
        with tempfile.TemporaryDirectory() as folder:
            file, back = Path(folder, "a.siren"), Path(folder, "a.y4m")
            started = time.time()
            run = [flags.sirenc, "encode", flags.film, "-o", file, "--size", f"{size}kB", "--effort", flags.effort, "--json"]
            report = json.loads(subprocess.run(run, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
            seconds = time.time() - started
            cells = [f"{report['bytes']:,} bytes, {report['psnr_db']:.2f} dB"]
            for codec in ("libx264", "libx265"):
                count, out = classical(codec, flags.film, float(size) * 1000, len(source) / rate, folder)
                cells.append(f"{count:,} bytes, {psnr(source, frames(out, width, height)):.2f} dB")
        print(f"| {' | '.join(cells)} | {seconds:.0f} s |".replace(",", "\u202f", 0), flush=True)


main()
