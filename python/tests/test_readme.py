"""The lines of the README work."""

import re
import shutil
from pathlib import Path


def test_the_lines_of_the_readme(fixtures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(fixtures / "media/astronaut-128.png", "photo.png")
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", readme, re.S):
        exec(block, names)
    assert names["zoom"].shape == (256, 256, 3) and names["values"].shape == (2, 3)
    assert names["slopes"].shape == (64, 64, 3, 2) and names["part"].shape == (20, 64, 3)
