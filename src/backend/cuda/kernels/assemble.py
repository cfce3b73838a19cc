#!/usr/bin/env python3
"""Assembles kernels.ptx for GPUs by a pinned ptxas, which needs none, and writes registers.tsv: registers of
a thread, bytes of static shared memory of a thread block, and bytes that a thread spills.

    pip install nvidia-cuda-nvcc-cu12==12.9.86
    python assemble.py [OUTPUT]

A kernel that does not assemble is a failed start on a GPU, and one that spills more a slow kernel.
"""
import os
import pathlib
import re
import subprocess
import sys

from wheel import pinned

PACKAGE, VERSION = "nvidia-cuda-nvcc-cu12", "12.9.86"
ARCHITECTURES = ["sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"]
COLUMNS = ["architecture", "kernel", "registers", "shared", "spill_stores", "spill_loads"]
KERNEL = re.compile(r"Compiling entry function '(\w+)'.*?(\d+) bytes spill stores, (\d+) bytes spill loads"
                    r".*?Used (\d+) registers(?:[^\n]*?(\d+) bytes smem)?", re.DOTALL)

here = pathlib.Path(__file__).resolve().parent


def rows(program, architecture):
    """A row per kernel, by name."""
    flags = [f"--gpu-name={architecture}", "--verbose", "--output-file", os.devnull]
    result = subprocess.run([program, *flags, here / "kernels.ptx"], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{architecture}: {result.stdout}{result.stderr}")
    for kernel, stores, loads, registers, shared in sorted(KERNEL.findall(result.stdout + result.stderr)):
        yield [architecture, kernel, registers, shared or "0", stores, loads]


program = pinned(PACKAGE, VERSION, "bin/ptxas", "bin/ptxas.exe")
table = [COLUMNS] + [row for architecture in ARCHITECTURES for row in rows(program, architecture)]
output = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "registers.tsv"
output.write_text("".join("\t".join(row) + "\n" for row in table))
print(f"{output}: {len(table) - 1} kernels assembled")
