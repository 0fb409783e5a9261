import re
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = """
from guildhall_sdk import Accept, before_write, kv

@before_write
def hook(changes):
    return [Accept() for _ in changes]
"""


def run(folder: Path, files: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the program in a folder with these files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    command = [sys.executable, "-m", "guildhall_sdk.componentize", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_component_imports_what_it_uses_of_the_host(tmp_path: Path) -> None:
    done = run(tmp_path, {"pyproject.toml": "", "src/acme/__init__.py": PLUGIN}, "--out", "plugin.wasm")
    assert (done.returncode, done.stderr) == (0, "")
    component = (tmp_path / "plugin.wasm").read_bytes()
    assert b"guildhall:hooks/before-write@1.1.0" in component
    assert b"guildhall:kv/store@1.1.0" in component
    assert b"guildhall:data/records@1.1.0" not in component
    assert len(component) <= 20_000_000


@pytest.mark.parametrize(
    ("files", "words", "said"),
    [
        ({"pyproject.toml": ""}, [], r"the following arguments are required: --out"),
        ({}, ["--out", "x"], r"error: .*pyproject.toml is not there: run this in the folder of a plugin"),
        ({"pyproject.toml": ""}, ["--out", "x"], r"plugin.py is not there: say in .*pyproject.toml which module"),
        ({"pyproject.toml": "", "plugin.py": ""}, ["--out", "x"], r"plugin registers no extension point"),
        ({"pyproject.toml": "", "plugin.py": "1 +"}, ["--out", "x"], r"plugin.py\", line 1(.|\n)*SyntaxError"),
        (
            {"pyproject.toml": '[tool.guildhall]\nmodule = "other"', "other.py": ""},
            ["--out", "x"],
            r"other registers no extension point",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, files: dict[str, str], words: list[str], said: str) -> None:
    done = run(tmp_path, files, *words)
    assert done.returncode != 0
    assert re.search(said, done.stderr), done.stderr
