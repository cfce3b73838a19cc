#!/usr/bin/env python3
"""Makes docs/figure.jpg: a picture, its decoding, and four times zoom of a detail by the field and by Lanczos.

usage: docs/figure.py SIRENC PICTURE X,Y,SIDE      (pip install pillow==13.0.0)
"""
import os, subprocess, sys, tempfile
from PIL import Image, ImageDraw, ImageFont

sirenc, picture, box = sys.argv[1:]
x, y, side = map(int, box.split(","))
with tempfile.TemporaryDirectory() as folder:
    at = lambda name: os.path.join(folder, name)
    run = lambda *args: subprocess.run([sirenc, *args, "-q"], check=True)
    run("encode", picture, "-o", at("p.siren"), "--bpp", "0.6")
    run("decode", at("p.siren"), "-o", at("native.png"))
    run("decode", at("p.siren"), "-o", at("large.png"), "--scale", "4")
    size = os.path.getsize(at("p.siren"))
    original, native, large = (Image.open(p).convert("RGB") for p in (picture, at("native.png"), at("large.png")))
bits = 8 * size / (original.width * original.height)
crop = (x, y, x + side, y + side)
panels = [
    (f"original, {original.width}x{original.height}", original),
    (f"decoded, {size / 1000:.1f} kB ({bits:.2f} bpp)", native),
    ("4x from the same file", large.crop([4 * c for c in crop])),
    ("4x Lanczos of the decoded pixels", native.crop(crop).resize((4 * side, 4 * side), Image.LANCZOS)),
]
for _, panel in panels[:2]:
    ImageDraw.Draw(panel).rectangle(crop, outline=(255, 255, 255))
height, gap, label = original.height, 8, 22
panels = [(text, p.resize((round(p.width * height / p.height), height), Image.LANCZOS)) for text, p in panels]
sheet = Image.new("RGB", (sum(p.width for _, p in panels) + 3 * gap, height + label), "white")
draw, left = ImageDraw.Draw(sheet), 0
for text, panel in panels:
    sheet.paste(panel, (left, label))
    draw.text((left + 2, 2), text, fill="black", font=ImageFont.load_default(14))
    left += panel.width + gap
sheet.save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "figure.jpg"), quality=90)
