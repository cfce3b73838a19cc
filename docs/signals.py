#!/usr/bin/env python3
"""Makes docs/signals.jpg: slices through a volume with missing samples, and slow motion of a video.

usage: docs/signals.py SIRENC SEA FILM ROW      (pip install numpy==2.3.5 pillow==13.0.0)

SEA is the mean temperature of the sea (20 depths × 180 × 360, NetCDF of Debian's package ferret-datasets), from
`sirenc encode levitus_climatology.cdf:TEMP --size 60kB --effort 3`: its surface, and a section along 30° W at 8 times the
resolution. Of FILM, a video at 25 Hz, one row of pixels is shown, time downwards: its frames, and the field at 8 times the
rate.
"""
import os, subprocess, sys, tempfile
import numpy as np
from PIL import Image, ImageDraw, ImageFont

PANEL, HEIGHT, GAP, LABEL = 544, 272, 8, 22
SECONDS, RATE, TIMES = "2..3.5", 25, 8

sirenc, sea, film, row = sys.argv[1:5]
with tempfile.TemporaryDirectory() as folder:
    at = lambda name: os.path.join(folder, name)

    def decode(file, name, *args):
        subprocess.run([sirenc, "decode", file, "-o", at(name), "-q", *args], check=True)
        return at(name)

    def coloured(name, *args):
        """A slice of the sea in colours, land in white."""
        numbers = np.load(decode(sea, f"{name}.npy", *args))
        colours = decode(sea, f"{name}.png", "--colormap", "viridis", "--range=-2..30", *args)
        picture = np.array(Image.open(colours).convert("RGB"))
        picture[np.isnan(numbers[..., 0])] = 255
        return Image.fromarray(picture)

    surface = coloured("surface", "--slice", "z=0").transpose(Image.FLIP_TOP_BOTTOM)
    section = coloured("section", "--slice", "x=309.5", "--size", "1440x160")
    line = ["--slice", f"y={row}", "--time", SECONDS]
    frames = Image.open(decode(film, "frames.png", *line)).convert("RGB")
    slow = Image.open(decode(film, "slow.png", *line, "--fps", str(RATE * TIMES))).convert("RGB")

rows = [
    [("temperature of the sea: its surface", surface, Image.NEAREST),
     ("a section along 30° W, depth downwards, 8 times as fine", section, Image.LANCZOS)],
    [("a row of pixels of a video over 1.5 s, its frames", frames, Image.NEAREST),
     (f"the same from the field, {TIMES} times as many frames", slow, Image.LANCZOS)],
]
sheet = Image.new("RGB", (2 * PANEL + GAP, 2 * (HEIGHT + LABEL) + GAP), "white")
draw = ImageDraw.Draw(sheet)
for i, panels in enumerate(rows):
    for j, (text, panel, filter) in enumerate(panels):
        left, top = j * (PANEL + GAP), i * (HEIGHT + LABEL + GAP)
        draw.text((left + 2, top + 2), text, fill="black", font=ImageFont.load_default(14))
        sheet.paste(panel.resize((PANEL, HEIGHT), filter), (left, top + LABEL))
sheet.save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "signals.jpg"), quality=90)
