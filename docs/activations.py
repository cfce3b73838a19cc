#!/usr/bin/env python3
"""Makes docs/activations.jpg: what networks with different activations learn of a picture, over the iterations
and in the end. Prints the table of benches/README.md.

usage: docs/activations.py CSV FOLDER      (pip install matplotlib==3.11.1 numpy==2.4.6 pillow==13.0.0)

CSV is benches/activations/activations.csv, FOLDER where `cargo bench --bench activations --features candle -- FOLDER` has left
the arrays of the same run.
"""
import csv, io, os, sys
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

# Okabe and Ito's colours, told apart with any kind of colour vision.
COLOURS = {"sine": "#d55e00", "ReLU": "#0072b2", "tanh": "#009e73", "ReLU of octaves": "#cc79a7", "softplus": "#e69f00",
           "ELU": "#56b4e9", "ReLU of Gaussians": "#000000"}
TASKS = {"fit": "trained on values", "poisson": "trained on the gradient alone"}
PARTS = {"image_db": "picture", "gradient_db": "gradient", "laplacian_db": "Laplacian"}

table, folder = sys.argv[1:3]
with open(table, newline="") as file:
    rows = list(csv.DictReader(line for line in file if not line.startswith("#")))


def curve(name, task, part):
    return np.array([(int(r["iteration"]), float(r[part])) for r in rows if (r["activation"], r["task"]) == (name, task)]).T


def spread(heights, gap):
    """Heights in their order, moved as little as they must to be `gap` apart."""
    order = np.argsort(heights)
    sorted_heights = np.array(heights)[order]
    blocks = []  # Of each: the mean wanted for its lowest label, and its labels.
    for height in sorted_heights:
        blocks.append((height, 1))
        while len(blocks) > 1 and blocks[-2][0] + gap * blocks[-2][1] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [((a * n + (b - gap * n) * m) / (n + m), n + m)]
    spaced = [start + gap * k for start, n in blocks for k in range(n)]
    result = np.empty(len(heights))
    result[order] = spaced
    return result


plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
figure = plt.figure(figsize=(11, 13.2))
curves, pictures = figure.subfigures(2, 1, height_ratios=[5.3, 7.9])

panels = curves.subplots(2, 3, sharex=True)
curves.subplots_adjust(left=0.052, right=0.905, top=0.94, bottom=0.08, wspace=0.6, hspace=0.22)
for (task, of_task), line in zip(TASKS.items(), panels):
    for (part, of_part), axes in zip(PARTS.items(), line):
        ends = []
        for name, colour in COLOURS.items():
            iterations, decibels = curve(name, task, part)
            ends.append(decibels[-1])
            axes.plot(iterations, decibels, color=colour, lw=2.4 if name == "sine" else 1.3, zorder=3 if name == "sine" else 2)
        low, high = axes.get_ylim()
        heights = spread(ends, 0.085 * (high - low))
        axes.set_ylim(min(low, min(heights)), max(high, max(heights)))
        for name, end, height in zip(COLOURS, ends, heights):
            axes.annotate(f"{name.removeprefix('ReLU of ')} {end:.1f}", (iterations[-1], end), xytext=(1.05 * iterations[-1], height), va="center",
                          color=COLOURS[name], fontsize=8, weight="bold" if name == "sine" else "normal", annotation_clip=False,
                          arrowprops={"arrowstyle": "-", "color": COLOURS[name], "lw": 0.5, "shrinkA": 0, "shrinkB": 0,
                                      "relpos": (0, 0.5)})
        axes.set_title(f"{of_part}, {of_task}" if part == "image_db" else of_part, loc="left", fontsize=10)
        axes.set_xlim(0, iterations[-1])
        axes.grid(axis="y", color="0.9")
for axes in panels[1]:
    axes.set_xlabel("iterations")
for line in panels:
    line[0].set_ylabel("PSNR, dB")

planes = lambda name: np.load(os.path.join(folder, f"{name}.npy"))
reference = planes("reference")
magnitude = lambda p: np.hypot(p[1], p[2])
steepest, curved = np.quantile(magnitude(reference), 0.995), np.quantile(np.abs(reference[3]), 0.98)
SHOWN = [(lambda p: (p[0] + 1) / 2, "picture"), (lambda p: magnitude(p) / steepest, "gradient"),
         (lambda p: 0.5 + 0.5 * p[3] / curved, "Laplacian")]
strips = pictures.subplots(6, 8)
pictures.subplots_adjust(left=0.04, right=0.998, top=0.97, bottom=0.003, wspace=0.02, hspace=0.02)
for t, (task, of_task) in enumerate(TASKS.items()):
    for s, (show, of_part) in enumerate(SHOWN):
        for axes, name in zip(strips[3 * t + s], ["original", *COLOURS]):
            p = reference if name == "original" else planes(f"{name.replace(' ', '-')}-{task}")
            axes.imshow(show(p), cmap="gray", vmin=0, vmax=1, interpolation="bicubic", aspect="auto")
            axes.set(xticks=[], yticks=[])
            for spine in axes.spines.values():
                spine.set_visible(False)
            if t + s == 0:
                axes.set_title(name, fontsize=9.5, color=COLOURS.get(name, "black"), weight="bold" if name == "sine" else "normal")
        strips[3 * t + s][0].set_ylabel(of_part if s != 1 else f"{of_task}\n{of_part}", fontsize=9)

memory = io.BytesIO()
figure.savefig(memory, dpi=100, facecolor="white")
output = os.path.join(os.path.dirname(os.path.abspath(__file__)), "activations.jpg")
Image.open(memory).convert("RGB").save(output, quality=71, optimize=True)
print(f"{output}: {os.path.getsize(output)} bytes")

print("| activation | picture | gradient | Laplacian | picture from gradient | gradient | Laplacian |\n" + 7 * "|---" + "|")
for name in COLOURS:
    ends = [curve(name, task, part)[1][-1] for task in TASKS for part in PARTS]
    print(f"| {name} |" + "".join(f" {end:.1f} |" for end in ends))
