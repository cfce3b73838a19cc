#!/usr/bin/env python3
"""Makes docs/gallery.jpg: what a continuous signal is good for. A detail at 8 times its size by the field, bicubic and
Lanczos; and of the same picture gradient magnitude, Laplacian and normals.

usage: docs/gallery.py SIRENC PICTURE X,Y,SIDE [BPP]      (pip install pillow==13.0.0)
"""
import os, subprocess, sys, tempfile
from PIL import Image, ImageDraw, ImageFont

ZOOM, PANEL, GAP, LABEL = 8, 360, 8, 22

sirenc, picture, box = sys.argv[1:4]
bpp = sys.argv[4] if len(sys.argv) > 4 else "1"
x, y, side = map(int, box.split(","))
with tempfile.TemporaryDirectory() as folder:
    at = lambda name: os.path.join(folder, name)
    run = lambda *args: subprocess.run([sirenc, *args, "-q"], check=True)
    decode = lambda name, *args: run("decode", at("p.siren"), "-o", at(name), *args)
    run("encode", picture, "-o", at("p.siren"), "--bpp", bpp)
    decode("native.png")
    decode("zoom.png", "--region", f"{x},{y},{side},{side}", "--size", f"{ZOOM * side}x{ZOOM * side}")
    decode("magnitude.png", "--derivative", "magnitude", "--range", "0.2")
    decode("laplacian.png", "--derivative", "laplacian", "--range", "0.2")
    decode("normals.png", "--derivative", "normals", "--height", "24")
    bits = 8 * os.path.getsize(at("p.siren"))
    native, zoom, magnitude, laplacian, normals = (
        Image.open(at(f"{name}.png")).convert("RGB") for name in ("native", "zoom", "magnitude", "laplacian", "normals"))
crop = native.crop((x, y, x + side, y + side))
large = lambda kind: crop.resize(zoom.size, kind)
rows = [
    [(f"{ZOOM}x from the file", zoom), (f"{ZOOM}x, bicubic of the pixels", large(Image.BICUBIC)),
     (f"{ZOOM}x, Lanczos of the pixels", large(Image.LANCZOS))],
    [("gradient magnitude", magnitude), ("Laplacian", laplacian), ("normals, height 24", normals)],
]
height = [PANEL, PANEL * native.height // native.width]
sheet = Image.new("RGB", (3 * PANEL + 2 * GAP, sum(height) + 2 * LABEL + GAP), "white")
draw, top = ImageDraw.Draw(sheet), 0
for panels, h in zip(rows, height):
    for i, (text, panel) in enumerate(panels):
        left = i * (PANEL + GAP)
        draw.text((left + 2, top + 2), text, fill="black", font=ImageFont.load_default(14))
        sheet.paste(panel.resize((PANEL, h), Image.LANCZOS), (left, top + LABEL))
    top += LABEL + h + GAP
sheet.save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "gallery.jpg"), quality=90)
print(f"{picture}: {bits / 8:.0f} bytes, {bits / (native.width * native.height):.2f} bpp")
