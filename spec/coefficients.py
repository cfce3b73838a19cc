#!/usr/bin/env python3
"""Finds the sine and cosine coefficients of numerics: minimax polynomials by Remez exchange in high precision.

With r in [-1/2, 1/2] turns and w = 1 - 4 r^2 in [0, 1]:

    sin(2 pi r) = r * w * P(w)      the zeros at r = 0 and r = +-1/2 are factored out, so nothing cancels there
    cos(2 pi r) = C(w)         C(0) = -1 and C'(0) = 0 are exact and stay fixed

P minimises the largest absolute error of the product, C that of the polynomial. The coefficients are rounded to
binary32 one by one from the lowest degree, refitting the rest after each. Needs mpmath (pip install mpmath).
"""
import struct
from mpmath import mp, mpf, sin, cos, pi, sqrt, lu_solve, matrix, linspace

mp.dps = 40


def binary32(x):
    return mpf(struct.unpack("<f", struct.pack("<f", float(x)))[0])


def minimax(target, weight, fixed, degree, points=400):
    """Coefficients minimising max |weight (sum c_k w^k - target)| on [0, 1], the lowest ones given by `fixed`."""
    free = degree + 1 - len(fixed)
    residual = lambda w: target(w) - sum(c * w**k for k, c in enumerate(fixed))
    if free == 0:
        return list(fixed), max(abs(weight(w) * residual(w)) for w in linspace(0, 1, points))
    nodes = [(1 - cos(pi * (2 * i + 1) / (2 * free + 2))) / 2 for i in range(free + 1)]
    grid = [(1 - cos(pi * i / points)) / 2 for i in range(points + 1)]
    for _ in range(40):
        a, b = matrix(free + 1), matrix(free + 1, 1)
        for i, w in enumerate(nodes):
            for k in range(free):
                a[i, k] = w ** (k + len(fixed)) * weight(w)
            a[i, free] = (-1) ** i
            b[i] = residual(w) * weight(w)
        solution = lu_solve(a, b)
        coefficients = list(fixed) + [solution[k] for k in range(free)]
        error = lambda w: weight(w) * (sum(c * w**k for k, c in enumerate(coefficients)) - target(w))
        values = [error(w) for w in grid]
        # The new nodes: the largest error between consecutive sign changes.
        runs, current = [], [0]
        for i in range(1, len(grid)):
            if values[i] * values[current[-1]] < 0:
                runs.append(current)
                current = []
            current.append(i)
        runs.append(current)
        peaks = [max(run, key=lambda i: abs(values[i])) for run in runs]
        while len(peaks) > free + 1:
            peaks.pop(0 if abs(values[peaks[0]]) < abs(values[peaks[-1]]) else -1)
        if len(peaks) < free + 1:
            break
        nodes = [grid[i] for i in peaks]
    return coefficients, max(abs(v) for v in values)


def rounded(target, weight, degree, fixed=()):
    fixed = list(fixed)
    while len(fixed) <= degree:
        coefficients, _ = minimax(target, weight, fixed, degree)
        fixed.append(binary32(coefficients[len(fixed)]))
    return minimax(target, weight, fixed, degree)


def r_of(w):
    return sqrt((1 - w) / 4)


def p_target(w):
    if w == 0:
        return pi
    if w == 1:
        return 2 * pi
    return sin(2 * pi * r_of(w)) / (r_of(w) * w)


if __name__ == "__main__":
    for name, target, weight, degree, fixed in (
        ("SIN", p_target, lambda w: r_of(w) * w, 4, ()),
        ("COS", lambda w: cos(2 * pi * r_of(w)), lambda w: mpf(1), 6, (mpf(-1), mpf(0))),
    ):
        coefficients, error = rounded(target, weight, degree, fixed)
        print(f"{name}, worst error in exact arithmetic {mp.nstr(error, 3)}")
        for k, c in enumerate(coefficients):
            bits = struct.unpack("<I", struct.pack("<f", float(c)))[0]
            print(f"  w^{k}: {mp.nstr(c, 12)}  0x{bits:08x}")
