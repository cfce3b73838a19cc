#!/usr/bin/env python3
"""Reads `cargo metadata` on standard input; counts the licences of all packages and fails if one allows none of ALLOWED."""
import collections
import json
import re
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT",
    "MIT-0", "NCSA", "Unicode-3.0", "Unlicense", "Zlib",
}


def allowed(expression):
    """Whether one choice of `A OR B` is allowed in each part of `… AND …`; a slash is an old OR."""
    expression = re.sub(r"\s*/\s*", " OR ", expression)
    parts = re.sub(r"[()]", "", expression).split(" AND ")
    return all(any(choice.strip() in ALLOWED for choice in part.split(" OR ")) for part in parts)


packages = json.load(sys.stdin)["packages"]
licences = collections.Counter(p["license"] or "none" for p in packages)
for licence, count in licences.most_common():
    print(f"{count:5}  {licence}")
bad = [f"{p['name']} {p['version']}: {p['license']}" for p in packages if not allowed(p["license"] or "none")]
sys.exit("not allowed: " + ", ".join(bad) if bad else 0)
