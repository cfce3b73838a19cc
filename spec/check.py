#!/usr/bin/env python3
"""Runs the reference decoder over the fixtures: good files must give the bits of the manifest, bad ones be refused.

    check.py [PART]        only files whose names contain PART

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


def main(part=""):
    differing = 0
    with open(FIXTURES / "siren.tsv", newline="", encoding="utf-8") as manifest:
        rows = [r for r in csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE) if part in r["file"]]
    for row in rows:
        # Limits are a decoder's own; the reference has none.
        if "Limit" in row["values"] or row["expected"].startswith("Limit"):
            print(f"skipped           {row['file']}")
            continue
        start = time.monotonic()
        got = outcome(FIXTURES / row["file"])
        good = row["values"] != "-"
        same = got == row["values"] if good else got.split(":")[0] == row["expected"].split(":")[0]
        differing += not same
        note = "" if good and same else f"  ({got})"
        print(f"{'same' if same else 'DIFFERS':8} {time.monotonic() - start:6.2f} s  {row['file']}{note}", flush=True)
    print(f"{len(rows)} files, {differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
