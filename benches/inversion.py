#!/usr/bin/env python3
"""Measures full-waveform inversion: a disc of 1.25 × the velocity from 5 sources and 30 receivers around it.

usage: benches/inversion.py SIRENC [--effort N]      (pip install numpy==2.3.5)

The waves that the receivers hear are those of `sirenc solve helmholtz --velocity`, at the same effort.
"""
import argparse, json, os, subprocess, tempfile
import numpy as np

SIDE, WAVENUMBER, MORE, RADIUS, CENTRE = 96, 15, 0.25, 0.2, (0.1, -0.05)
parser = argparse.ArgumentParser()
parser.add_argument("sirenc")
parser.add_argument("--effort", default="5")
args = parser.parse_args()
folder = tempfile.TemporaryDirectory()
at = lambda name: os.path.join(folder.name, name)


def run(*arguments):
    return subprocess.run([args.sirenc, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def ring(count, radius, by):
    angles = (np.arange(count) + by) / count * 2 * np.pi
    return radius * np.stack([np.cos(angles), np.sin(angles)], 1)


c = (2 * np.arange(SIDE) + 1 - SIDE) / SIDE
distance = np.hypot(c[None] - CENTRE[0], c[:, None] - CENTRE[1])
np.save(at("velocity.npy"), 1 + MORE / (1 + np.exp((distance - RADIUS) / 0.02)))
sources = [f"--source={x:.6f},{y:.6f}" for x, y in ring(5, 0.55, 0)]
common = ["--wavenumber", str(WAVENUMBER), *sources, "--effort", args.effort, "-q", "--json"]
forward = json.loads(run("solve", "helmholtz", *common, "--velocity", at("velocity.npy"), "-o", at("waves.siren")))

receivers = ring(30, 0.65, 0.5)
np.save(at("places.npy"), SIDE / 2 * (receivers + 1) - 0.5)
run("sample", at("waves.siren"), "--at", at("places.npy"), "-o", at("heard.npy"))
np.save(at("receivers.npy"), np.hstack([receivers, np.load(at("heard.npy"))[:, -10:]]))
size = ["--size", str(SIDE)]
found = json.loads(run("solve", "helmholtz", *common, *size, "--receivers", at("receivers.npy"), "-o", at("c.siren")))
run("decode", at("c.siren"), "-o", at("c.npy"))
velocity = np.load(at("c.npy"))[..., -1]

weight = np.clip(velocity - 1 - MORE / 4, 0, None)
x, y = (weight * c[None]).sum() / weight.sum(), (weight * c[:, None]).sum() / weight.sum()
inside, outside = distance < 0.75 * RADIUS, distance > 1.5 * RADIUS
print(f"{forward['seconds']:.0f} s for the waves, {found['seconds']:.0f} s for the velocity, {found['bytes']} bytes")
print(f"contrast {velocity[inside].mean() - 1:.3f} of {MORE}")
print(f"centre {x:.3f}, {y:.3f} of {CENTRE[0]}, {CENTRE[1]}: {np.hypot(x - CENTRE[0], y - CENTRE[1]) / 2:.2%} of the side away")
print(f"outside {np.sqrt(np.mean((velocity[outside] - 1) ** 2)):.4f} (root mean square)")
