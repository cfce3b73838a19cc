#!/usr/bin/env python3
"""Runs the reference decoder over the fixtures: good files must give the bits of the manifest, bad ones the error in it, other
grids and integer samples the bits of `renderings.tsv`. The streams of the examples must hold what siren.md, 13.1 and 13.3 to 13.5,
says of them, value by value, and the arithmetic give the vectors of vectors.tsv.

    check.py [--folder FOLDER] [PART]        only files whose names contain PART

Needs numpy. Ends with 1 if anything differs.
"""
import csv
import hashlib
import sys
import time
import zlib
from pathlib import Path

import numpy as np

import reference

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def outcome(path):
    """The digest of the unit values, or how the file was refused."""
    try:
        _, values = reference.decode(path.read_bytes())
        return hashlib.sha256(values.astype("<f4").tobytes()).hexdigest()
    except reference.Malformed as error:
        return f"Format: {error}"
    except reference.Unsupported as error:
        return f"Unsupported: {error}"
    except reference.Limit as error:
        return f"Limit: {error}"


def agrees(row, got):
    """Whether an outcome is that of a row: a digest, or a kind of error and a part of its message."""
    if row["values"] == got:
        return True
    kind, _, part = (row["expected"] if row["values"] == "-" else row["values"]).partition(": ")
    return got.startswith(kind + ": ") and part in got


class Trace(reference.Magnitudes):
    """Notes of each value its context before, its scale, the interval of its entry, itself, and the bytes read behind it."""

    rows = []

    def magnitude(self, context):
        row, intervals, consume = [f"{context.sum}/{context.count}", str(context.scale())], [], self.range.consume

        def noted(start, size, bits):
            intervals.append(f"{start}–{start + size}")
            consume(start, size, bits)

        self.range.consume = noted
        magnitude = super().magnitude(context)
        self.range.consume = consume
        self.rows.append(row + [intervals[0], magnitude, self.range.position])
        return magnitude

    def signed(self, context):
        value = super().signed(context)
        self.rows[-1][3:] = [value, self.range.position]
        return value


def table(section, header):
    """The rows of a table of a section of siren.md."""
    lines = (FIXTURES.parent / "spec" / "siren.md").read_text(encoding="utf-8").splitlines()
    lines = lines[next(at for at, line in enumerate(lines) if line.startswith(f"### {section} ")):]
    rows = lines[lines.index(header) + 2:]
    return [[cell.strip().replace("−", "-") for cell in line.strip("|").split("|")] for line in rows[:rows.index("")]]


def example_is_true(section, name):
    """Whether the table of a section of siren.md has the values of its file."""
    stated = []
    for _, context, scale, interval, value, count in table(section, "| what | sum/count | scale | interval | value | bytes |"):
        stated.append([context, scale, interval, int(value.split(":")[0]), int(count)])
    original, reference.Magnitudes, Trace.rows = reference.Magnitudes, Trace, []
    reference.decode((FIXTURES / "valid" / name).read_bytes())
    reference.Magnitudes = original
    return report(Trace.rows == stated, f"siren.md, {section}")


def spline_is_true(section, name):
    """Whether the tables of a section of siren.md have the tensors and the latents of its file."""
    tensors, latents, intervals = [], [], []
    read_tensor, read_latent = reference.read_tensor, reference.read_latent

    class Range(reference.RangeDecoder):
        def consume(self, start, size, bits):
            intervals.append(f"{start}–{start + size}")
            super().consume(start, size, bits)

    def tensor(coder, usual):
        exponent, symbols = read_tensor(coder, usual)
        rows_of_symbols = "; ".join(", ".join(map(str, row)) for row in symbols)
        tensors.append([" × ".join(map(str, usual.shape)), str(exponent), rows_of_symbols, str(coder.range.position)])
        return exponent, symbols

    def latent(coder, centre, scale):
        first = len(intervals)
        value = read_latent(coder, centre, scale)
        latents.append([str(centre), str(scale), intervals[first], str(value), str(coder.range.position)])
        return value

    original, reference.RangeDecoder = reference.RangeDecoder, Range
    reference.read_tensor, reference.read_latent = tensor, latent
    reference.decode((FIXTURES / "valid" / name).read_bytes())
    reference.RangeDecoder, reference.read_tensor, reference.read_latent = original, read_tensor, read_latent
    stated_tensors = [row[1:] for row in table(section, "| tensor | size | exponent | symbols | bytes |")]
    stated_latents = [row[1:] for row in table(section, "| latent | centre | scale | interval | value | bytes |")]
    return report(stated_tensors == tensors and stated_latents == latents, f"siren.md, {section}")


def mask_is_true(section, name):
    """Whether the table of a section of siren.md has the bits of the mask of its file."""
    rows, read_bit = [], reference.read_bit

    def noted(coder, context, chance):
        row = ["".join(map(str, context)), str(chance.frequency())]
        missing = read_bit(coder, context, chance)
        rows.append(row + [str(int(missing)), str(coder.position)])
        return missing

    reference.read_bit = noted
    reference.decode((FIXTURES / "valid" / name).read_bytes())
    reference.read_bit = read_bit
    stated = [row[1:] for row in table(section, "| sample | context | frequency | missing | bytes |")]
    return report(stated == rows, f"siren.md, {section}")


def report(is_same, what):
    print(f"{'same' if is_same else 'DIFFERS':8}         {what}", flush=True)
    return is_same


def grid(signal, words):
    """The grid of a row of the manifest: `native`, `size N…`, `rate R`, each with a region behind it that it is cropped to, or
    a region and the size that it is spread over: `of FROM… TO… size N…`."""
    words, axes = words.split(), len(signal.lengths)

    def region(words):
        return list(zip(map(float, words[:axes]), map(float, words[axes:2 * axes])))

    if words[0] == "of":
        return [reference.Axis.spread(low, high, int(n)) for (low, high), n in zip(region(words[1:]), words[2 + 2 * axes:])]
    if words[0] == "native":
        whole, words = reference.native_grid(signal), words[1:]
    elif words[0] == "size":
        whole, words = reference.sized_grid(signal, map(int, words[1:1 + axes])), words[1 + axes:]
    else:
        whole, words = [reference.Axis.at_rate(signal.lengths[0], signal.rate[0], int(words[1]))], words[2:]
    return [axis.crop(*part) for axis, part in zip(whole, region(words[1:]))] if words else whole


def rendering(path, words):
    """The digests of unit values and of integer samples, `-` for binary32."""
    signal, values = reference.decode(path.read_bytes(), lambda signal: grid(signal, words))
    digest = hashlib.sha256(values.astype("<f4").tobytes()).hexdigest()
    if signal.format == "F32":
        return digest, "-"
    codes = reference.samples(values, signal.format).astype("<i8").reshape(-1, 1).view("<u1")
    return digest, hashlib.sha256(codes[:, :int(signal.format[1:]) // 8].tobytes()).hexdigest()


def binary32(text):
    return np.array([int(text, 16)], np.uint32).view(np.float32)


def bits(value):
    """The hexadecimal digits of a number."""
    return value.tobytes()[::-1].hex()


def starts(shape, scale, width):
    return reference.table(int(scale), int(shape), width == "wide")


def context(total, count):
    return reference.Context(int(total), int(count))


VECTORS = {
    "sine": lambda t: bits(reference.sine(binary32(t))),
    "fma": lambda a, b, c: bits(reference.fma(binary32(a), binary32(b), binary32(c))),
    "ramp": lambda distance, overlap: bits(ramp(float(distance), int(overlap))),
    "binary16": lambda half: bits(np.array([int(half, 16)], np.uint16).view(np.float16).astype(np.float32)),
    "step": lambda index: bits(reference.step(int(index))),
    "scale": lambda total, count: str(context(total, count).scale()),
    # The CRC-32 of where the entries start and of 65536, four bytes each, little-endian.
    "table": lambda *which: f"{zlib.crc32(np.array(starts(*which), '<u4').tobytes()):08x}",
    "intervals": lambda *which: " ".join(map(str, starts(*which))),
    # The CRC-32 of the probabilities beyond each distance, in units of 2^-16, two bytes each, little-endian.
    "tail": lambda scale: f"{zlib.crc32((np.array(reference.tail(int(scale))) >> 16).astype('<u2').tobytes()):08x}",
    "laplace": lambda scale, offset: " ".join(map(str, reference.laplace(int(scale), int(offset)))),
    "usual": lambda usual, exponent: str(reference.usual_symbol(int(usual), int(exponent))),
    "combine": lambda *numbers: combine(*map(int, numbers)),
    "predict": lambda *numbers: predict(*map(int, numbers)),
    "filter": lambda level, *numbers: filtered(int(level), numbers),
    "basis": lambda position, level: basis(float(position), int(level)),
    "activation": lambda t: bits(reference.activation(binary32(t))),
}


class OneGrid:
    """A shape of a single grid, for a context model of one grid."""

    def __init__(self, informed):
        self.grids = [reference.Grid([1, 1], [0, 0], True, informed)]


def model(informed, shapes, parameters):
    tensors = []
    for rows, columns in shapes:
        tensors.append(np.array(parameters[:rows * columns], np.int64).reshape(rows, columns))
        parameters = parameters[rows * columns:]
    return reference.ContextModel(OneGrid(informed), tensors)


def combine(*numbers):
    """Two weights, a bias, the numbers that they combine."""
    shapes = [(1, 2), (1, 1), (2, 2), (2, 1), (2, 2), (2, 1), (2, 2), (2, 1), (2, 2)]
    combined = model(True, shapes, list(numbers[:3]) + 22 * [0]).combine(0, np.array(numbers[3:])[:, None])
    return str(combined[0, 0])


def predict(*numbers):
    """The parameters of a context model of two inputs and one grid, then the inputs."""
    shapes = [(2, 2), (2, 1), (2, 2), (2, 1), (2, 2), (2, 1), (2, 2)]
    centres, scales = model(False, shapes, numbers[:-2]).predict(0, np.array(numbers[-2:])[:, None])
    return f"{centres[0]} {scales[0]}"


def filtered(level, numbers):
    """Four taps, then the latents of a line."""
    taps = [binary32(tap)[0] for tap in numbers[:4]]
    return " ".join(map(bits, reference.coefficients(np.array(numbers[4:], np.int64), taps, reference.Grid([1], [level], True, False))))


def basis(position, level):
    first, weights = reference.basis(np.array([position]), level)
    return " ".join([str(first[0])] + [bits(weight) for weight in weights])


def ramp(distance, overlap):
    return reference.Tiles.ramp(np.array([distance]), 0, overlap)


def vector(what, inputs):
    return VECTORS[what](*inputs)


def vectors_are_true():
    rows = (FIXTURES.parent / "spec" / "vectors.tsv").read_text(encoding="utf-8").splitlines()[1:]
    wrong = [row for row in rows if vector(row.split("\t")[0], row.split("\t")[1].split()) != row.split("\t")[2]]
    for row in wrong:
        print(f"DIFFERS         {row}")
    return report(not wrong, f"vectors.tsv, {len(rows)} rows")


def main(arguments):
    folder = FIXTURES
    if arguments[:1] == ["--folder"]:
        folder, arguments = Path(arguments[1]), arguments[2:]
    part = arguments[0] if arguments else ""
    differing = 0
    if folder == FIXTURES and not part:
        differing += not vectors_are_true()
        differing += not example_is_true("13.1", "example-picture.siren")
        differing += not example_is_true("13.3", "example-tiles.siren")
        differing += not spline_is_true("13.4", "example-spline.siren")
        differing += not mask_is_true("13.5", "example-missing.siren")
    with open(folder / "siren.tsv", newline="", encoding="utf-8") as manifest:
        rows = [r for r in csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE) if part in r["file"]]
    for row in rows:
        start = time.monotonic()
        got = outcome(folder / row["file"])
        same = agrees(row, got)
        differing += not same
        note = "" if same and row["values"] == got else f"  ({got})"
        print(f"{'same' if same else 'DIFFERS':8} {time.monotonic() - start:6.2f} s  {row['file']}{note}", flush=True)
    renderings = folder / "renderings.tsv"
    if renderings.exists():
        for line in renderings.read_text(encoding="utf-8").splitlines()[1:]:
            name, words, values, samples = line.split("\t")
            if part in name:
                differing += not report(rendering(folder / name, words) == (values, samples), f"{name}, {words}")
    print(f"{len(rows)} files, {differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
