#!/usr/bin/env python3
"""Runs the reference decoder over the fixtures: good files must give the bits of the manifest, bad ones the error in it. The
stream of the first example must hold what siren.md, 13.1, says of it, value by value.

    check.py [--folder FOLDER] [PART]        only files whose names contain PART

Needs numpy, and zstandard before Python 3.14. Ends with 1 if anything differs.
"""
import csv
import hashlib
import sys
import time
from pathlib import Path

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


def example_is_true():
    """Whether the table of siren.md, 13.1, has the values of its file."""
    lines = (FIXTURES.parent / "spec" / "siren.md").read_text(encoding="utf-8").splitlines()
    table = lines[lines.index("| what | sum/count | scale | interval | value | bytes |") + 2:]
    stated = []
    for line in table[:table.index("")]:
        _, context, scale, interval, value, count = (cell.strip() for cell in line.strip("|").split("|"))
        stated.append([context, scale, interval, int(value.split(":")[0].replace("−", "-")), int(count)])
    original, reference.Magnitudes = reference.Magnitudes, Trace
    reference.decode((FIXTURES / "valid" / "example-picture.siren").read_bytes())
    reference.Magnitudes = original
    print(f"{'same' if Trace.rows == stated else 'DIFFERS':8}         siren.md, 13.1")
    return Trace.rows == stated


def main(arguments):
    folder = FIXTURES
    if arguments[:1] == ["--folder"]:
        folder, arguments = Path(arguments[1]), arguments[2:]
    part = arguments[0] if arguments else ""
    differing = int(folder == FIXTURES and not part and not example_is_true())
    with open(folder / "siren.tsv", newline="", encoding="utf-8") as manifest:
        rows = [r for r in csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE) if part in r["file"]]
    for row in rows:
        start = time.monotonic()
        got = outcome(folder / row["file"])
        same = agrees(row, got)
        differing += not same
        note = "" if same and row["values"] == got else f"  ({got})"
        print(f"{'same' if same else 'DIFFERS':8} {time.monotonic() - start:6.2f} s  {row['file']}{note}", flush=True)
    print(f"{len(rows)} files, {differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
