#!/usr/bin/env python3
"""Writes the table of figures of the README from figures.tsv, between its two markers.

usage: figures.py [--check]    (--check: fails if the README has another table)
"""
import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
BEGIN, END = "<!-- figures: written by benches/figures.py -->\n", "<!-- end of figures -->\n"


def table():
    lines = [line for line in (here / "figures.tsv").read_text().splitlines() if not line.startswith("#")]
    header, *rows = (line.split("\t") for line in lines)
    assert all(len(row) == len(header) for row in rows), "a row has another number of columns"
    columns = ["command", "result", "time"]
    cells = [[row[header.index(name)] for name in columns] for row in rows]
    return "".join("| " + " | ".join(row) + " |\n" for row in [columns, *cells]).replace(
        "| command | result | time |\n", "| command | result | time |\n|---|---|---|\n").replace("|  |", "| |")


readme = here.parent / "README.md"
text = readme.read_text()
before, rest = text.split(BEGIN)
new = before + BEGIN + table() + END + rest.split(END)[1]
if "--check" in sys.argv[1:]:
    sys.exit(0 if new == text else "README.md has other figures than benches/figures.tsv: run benches/figures.py")
readme.write_text(new)
