#!/usr/bin/env python3
"""Makes docs/equations.jpg: fields that were found from equations alone.

usage: docs/equations.py SIRENC PICTURE OTHER      (pip install numpy==2.3.5 pillow==13.0.0)

PICTURE and OTHER are grey or colour pictures, whose middle squares of 256 pixels are used: the first one from its gradient and
from its Laplacian, and a disc of it put into the other one by its gradient. Then waves of one frequency, alone and past a disc in
which they are slow, and a pulse at four times.
"""
import os, subprocess, sys, tempfile
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE, PANEL, GAP, LABEL = 256, 256, 8, 20
sirenc, picture, other = sys.argv[1:4]
folder = tempfile.TemporaryDirectory()
at = lambda name: os.path.join(folder.name, name)


def run(*args):
    subprocess.run([sirenc, *args, "-q"], check=True)


def solve(name, *args):
    run("solve", *args, "-o", at(name))
    return at(name)


def decoded(file, *args):
    run("decode", file, "-o", at("out.npy"), "-f", *args)
    return np.load(at("out.npy"))


def square(path, mode):
    image = Image.open(path).convert(mode)
    left, top = (image.width - SIDE) // 2, (image.height - SIDE) // 2
    return image.crop((left, top, left + SIDE, top + SIDE))


def shown(numbers, low=None, high=None):
    """Numbers as a picture: from black to white, or colours as they are."""
    low = np.percentile(numbers, 1) if low is None else low
    high = np.percentile(numbers, 99) if high is None else high
    image = np.clip((numbers - low) / (high - low), 0, 1) * 255
    return Image.fromarray(image.round().astype("u1").squeeze())


def waves(numbers, most):
    """Signed numbers: blue, white, red."""
    x = np.clip(numbers / most, -1, 1)[..., None]
    blue, red = np.array([33, 102, 172.0]), np.array([178, 24, 43.0])
    colour = np.where(x < 0, 255 + (255 - blue) * x, 255 - (255 - red) * x)
    return Image.fromarray(colour.round().astype("u1"))


def disc(x, y, radius, side):
    c = (2 * np.arange(side) + 1 - side) / side
    return np.hypot(c[None] - x, c[:, None] - y) < radius


square(picture, "L").save(at("a.png"))
square(picture, "RGB").save(at("a-rgb.png"))
square(other, "RGB").save(at("b.png"))
Image.fromarray((disc(0, 0, 0.6, SIDE) * 255).astype("u1")).save(at("mask.png"))
grey = np.asarray(Image.open(at("a.png"))) / 255.0
slopes = np.hypot(*np.gradient(grey))
laplacian = sum(np.roll(grey, by, axis) for by in (1, -1) for axis in (0, 1)) - 4 * grey

from_gradient = decoded(solve("g.siren", "poisson", "--gradient-of", at("a.png")))
from_laplacian = decoded(solve("l.siren", "poisson", "--laplacian-of", at("a.png"), "--tile", "32"))
pasted = np.where(disc(0, 0, 0.6, SIDE)[..., None], Image.open(at("a-rgb.png")), Image.open(at("b.png")))
both = decoded(solve("c.siren", "composite", at("a-rgb.png"), at("b.png"), "--mask", at("mask.png")), "--bits", "8")

SAMPLES = 128
lens = np.where(disc(0.15, 0, 0.3, SAMPLES), 0.7, 1.0)
np.save(at("lens.npy"), lens)
k = ["--wavenumber", "20", "--source=-0.6,0"]
free = decoded(solve("f.siren", "helmholtz", *k, "--effort", "4"), "--size", f"{PANEL}x{PANEL}")
past = decoded(solve("h.siren", "helmholtz", *k, "--velocity", at("lens.npy"), "--effort", "4"), "--size", f"{PANEL}x{PANEL}")
pulse = decoded(solve("w.siren", "wave", "--source", "0,0", "--duration", "0.6", "--radius", "0.06"))
frames = [pulse.squeeze()[i] for i in np.linspace(0, len(pulse) - 1, 4).round().astype(int)]

rows = [
    [("gradient: its length", shown(slopes)), ("the picture found from it", shown(from_gradient, 0, 1)),
     ("Laplacian", shown(laplacian)), ("the picture found from it", shown(from_laplacian))],
    [("A pasted into B", Image.fromarray(pasted.astype("u1"))), ("put in by its gradient", Image.fromarray(both)),
     ("waves of one frequency", waves(free[..., 0], 0.12)), ("the same past a slow disc", waves(past[..., 0], 0.12))],
    [(f"a pulse after {t}", waves(frame, 0.3)) for t, frame in zip((0, 0.2, 0.4, 0.6), frames)],
]
sheet = Image.new("RGB", (4 * (PANEL + GAP) - GAP, len(rows) * (PANEL + LABEL + GAP) - GAP), "white")
draw = ImageDraw.Draw(sheet)
for i, panels in enumerate(rows):
    for j, (text, panel) in enumerate(panels):
        left, top = j * (PANEL + GAP), i * (PANEL + LABEL + GAP)
        draw.text((left + 2, top + 2), text, fill="black", font=ImageFont.load_default(13))
        sheet.paste(panel.convert("RGB").resize((PANEL, PANEL), Image.BICUBIC), (left, top + LABEL))
sheet.save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "equations.jpg"), quality=85)
