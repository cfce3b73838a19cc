#!/usr/bin/env python3
"""Rate and distortion beside other codecs: curve.svg, and the table of benches/README.md on standard output.

    curve.py EFFORT5.csv [EFFORT9.csv …] --measured MEASURED.csv --published PUBLISHED.csv [-o curve.svg]

Ours: rows of `image,target,bpp,psnr,encode_s,decode_s`. Measured: `image,codec,q,bpp,psnr`, means per quality over the images of
the first file. Published: `codec,bpp,psnr_db,source`, means over all 24 Kodak pictures. Needs matplotlib.
"""
import argparse
import collections
import csv
import pathlib

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "sirenc"
import matplotlib.pyplot as plt

MEASURED = {"jpeg": "JPEG", "webp": "WebP", "jpeg2000": "JPEG 2000", "jxl": "JPEG XL", "avif": "AVIF"}
PUBLISHED = {
    "COIN": "COIN",
    "Struempler2022 INR basic 8bit": "Strümpler et al., basic",
    "NIF25 w. traditional SIREN layers": "NIF25, SIREN layers",
    "RECOMBINER": "RECOMBINER",
    "C3": "C3",
}


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def means(rows, key, columns):
    """The mean of each column over the rows of each key, in the order of the first column."""
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row[key]].append([float(row[column]) for column in columns])
    return sorted([sum(column) / len(column) for column in zip(*group)] for group in groups.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ours", nargs="+")
    parser.add_argument("--measured", required=True)
    parser.add_argument("--published", required=True)
    parser.add_argument("-o", "--output", default="curve.svg")
    options = parser.parse_args()

    figure, axes = plt.subplots(figsize=(8, 6))
    first = {row["image"] for row in rows(options.ours[0])}
    styles = iter(["-o", "--o", ":o", "-.o"])
    for path in options.ours:
        points = means(rows(path), "target", ["bpp", "psnr", "encode_s", "decode_s"])
        images = {row["image"] for row in rows(path)}
        name = f"sirenc {pathlib.Path(path).stem.replace('-effort', 's, effort ')}, {len(images)} pictures"
        for bpp, psnr, encode, decode in points:
            print(f"| {name} | {bpp:.3f} | {psnr:.2f} dB | {encode:.1f} s | {decode:.2f} s |")
        if images == first:
            axes.plot(*list(zip(*points))[:2], next(styles), color="k", linewidth=2, label=name)
    measured = [row for row in rows(options.measured) if row["image"] in first]
    for codec, name in MEASURED.items():
        points = means([row for row in measured if row["codec"] == codec], "q", ["bpp", "psnr"])
        axes.plot(*zip(*points), "-", linewidth=1, label=f"{name}, the same pictures")
    for codec, name in PUBLISHED.items():
        points = [row for row in rows(options.published) if row["codec"] == codec]
        points = sorted((float(row["bpp"]), float(row["psnr_db"])) for row in points)
        axes.plot(*zip(*points), "--.", linewidth=1, label=f"{name}, published over 24")
    axes.set(xlim=(0, 1), ylim=(20, 40), xlabel="bits per pixel, whole files", ylabel="PSNR over RGB, dB, mean")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    figure.savefig(options.output, metadata={"Date": None}, bbox_inches="tight")


main()
