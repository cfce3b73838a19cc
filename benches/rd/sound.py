#!/usr/bin/env python3
"""Rate and signal-to-noise ratio of sounds beside MP3 and Opus: sound.csv, sound.svg, and a table on standard output.

    sound.py SIRENC SOUND.wav… [--kbps 16,32,64,96,128] [--effort 5] --measured MEASURED.csv [-o FOLDER]

Measured: `clip,codec,q,kbps,snr_db`, where SOUND is named gt_CLIP.wav. Both other codecs model hearing, and do not aim at
this ratio. Needs numpy and matplotlib.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import tempfile

import matplotlib
import numpy as np

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "sirenc"
import matplotlib.pyplot as plt

CODECS = {"mp3": "MP3", "opus": "Opus"}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True).stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sirenc")
    parser.add_argument("sounds", nargs="+", type=pathlib.Path)
    parser.add_argument("--kbps", default="16,32,64,96,128")
    parser.add_argument("--effort", default="5")
    parser.add_argument("--measured", required=True)
    parser.add_argument("-o", "--output", type=pathlib.Path, default=".")
    options = parser.parse_args()
    with open(options.measured, newline="") as file:
        measured = [row for row in csv.DictReader(file) if row["codec"] in CODECS]

    rows = []
    figure, plots = plt.subplots(1, len(options.sounds), figsize=(5 * len(options.sounds), 4), sharey=True, squeeze=False)
    for sound, axes in zip(options.sounds, plots[0]):
        clip = sound.stem.removeprefix("gt_")
        others = {
            name: sorted((float(r["kbps"]), float(r["snr_db"])) for r in measured if (r["clip"], r["codec"]) == (clip, codec))
            for codec, name in CODECS.items()
        }
        ours = []
        for target in options.kbps.split(","):
            with tempfile.TemporaryDirectory() as folder:
                coded = f"{folder}/coded.siren"
                run(options.sirenc, "encode", str(sound), "-o", coded, "--kbps", target, "--effort", options.effort, "-q")
                kbps = json.loads(run(options.sirenc, "info", "--json", coded))["kbps"]
                snr = json.loads(run(options.sirenc, "compare", "--json", "-q", str(sound), coded))["snr_db"]
            ours.append((kbps, snr))
            rows.append((clip, target, round(kbps, 2), round(snr, 2)))
            # Between two rates of another codec, on a line; nothing beyond its lowest and highest.
            at = {name: np.interp(kbps, *zip(*points), left=np.nan, right=np.nan) for name, points in others.items()}
            beside = " | ".join("–" if np.isnan(x) else f"{x:.1f} dB" for x in at.values())
            print(f"| {clip} | {kbps:.1f} | {snr:.1f} dB | {beside} |", flush=True)
        axes.plot(*zip(*ours), "k-o", linewidth=2, label=f"sirenc, effort {options.effort}")
        for name, points in others.items():
            axes.plot(*zip(*points), "-", linewidth=1, label=name)
        axes.set(title=clip, xlabel="kbit/s, whole files", xlim=(0, 140))
        axes.grid(alpha=0.3)
    plots[0][0].set(ylabel="SNR, dB")
    plots[0][0].legend()
    with open(options.output / "sound.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("clip", "target", "kbps", "snr_db"), *rows])
    figure.savefig(options.output / "sound.svg", metadata={"Date": None}, bbox_inches="tight")


main()
