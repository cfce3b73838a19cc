#!/usr/bin/env python3
"""Writes kernels.ptx from kernels.cu: PTX for compute_80 by a pinned NVRTC, which needs no GPU and no toolkit.

    pip install nvidia-cuda-nvrtc-cu12==12.0.76
    python make_ptx.py [OUTPUT]

The version of NVRTC is that of the oldest supported driver: its PTX 8.0 loads with driver 525 (CUDA 12.0)
or newer.
"""
import ctypes
import pathlib
import sys

from wheel import pinned

PACKAGE, VERSION = "nvidia-cuda-nvrtc-cu12", "12.0.76"
OPTIONS = ["--gpu-architecture=compute_80", "--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true",
           "--prec-sqrt=true", "--device-as-default-execution-space", "--restrict"]

here = pathlib.Path(__file__).resolve().parent


def compile(library):
    """The PTX of kernels.cu with its headers."""
    sources = {path.name: path.read_bytes() for path in sorted(here.glob("*.cuh"))}
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    strings = lambda items: (ctypes.c_char_p * len(items))(*items)
    text = (here / "kernels.cu").read_bytes()
    assert library.nvrtcCreateProgram(ctypes.byref(program), text, b"kernels.cu", len(sources),
                                      strings(list(sources.values())), strings([n.encode() for n in sources])) == 0
    failed = library.nvrtcCompileProgram(program, len(OPTIONS), strings([o.encode() for o in OPTIONS]))
    get, get_size = ((library.nvrtcGetProgramLog, library.nvrtcGetProgramLogSize) if failed
                     else (library.nvrtcGetPTX, library.nvrtcGetPTXSize))
    assert get_size(program, ctypes.byref(size)) == 0
    result = ctypes.create_string_buffer(size.value)
    assert get(program, result) == 0
    if failed:
        sys.exit(result.value.decode())
    return result.value


output = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "kernels.ptx"
library = pinned(PACKAGE, VERSION, "libnvrtc.so.*", "nvrtc64*.dll")
output.write_bytes(compile(ctypes.CDLL(library)))
print(f"{output}: {output.stat().st_size} bytes")
