"""Which module is the plugin, and what it has."""

import importlib
import sys
import tomllib
from pathlib import Path

from guildhall_sdk.points import registered

from .world import ALWAYS, IMPORTS, POINTS


class Unusable(Exception):
    """A folder that no component can be made of."""


def find(folder: Path) -> tuple[Path, str]:
    """Where a plugin's modules are, and which one it begins with.

    That is `module` of `[tool.guildhall]` in `pyproject.toml`, or `plugin.py`, or the one package below `src`.
    """
    project = folder / "pyproject.toml"
    if not project.is_file():
        raise Unusable(f"{project} is not there: run this in the folder of a plugin")
    home = folder / "src" if (folder / "src").is_dir() else folder
    named = tomllib.loads(project.read_text()).get("tool", {}).get("guildhall", {}).get("module")
    if named is not None:
        return home, str(named)
    if (home / "plugin.py").is_file():
        return home, "plugin"
    packages = sorted(package.parent.name for package in home.glob("*/__init__.py"))
    if home == folder or len(packages) != 1:
        raise Unusable(
            f"{home / 'plugin.py'} is not there: say in {project} which module the plugin is, "
            '`module = "..."` below `[tool.guildhall]`'
        )
    return home, packages[0]


def look(home: Path, module: str) -> tuple[list[str], list[str]]:
    """The extension points that a plugin registers, and the modules of the SDK with which it calls the host."""
    sys.path.insert(0, str(home))
    importlib.import_module(module)
    if not registered:
        raise Unusable(f"{module} registers no extension point: decorate a function with `@before_write` or another one")
    if "channel" in registered and len(registered["channel"]) != 2:
        raise Unusable(f"{module} has one of `@channel_receive` and `@channel_send`: a channel needs both")
    used = [name for name in IMPORTS if name in ALWAYS or f"guildhall_sdk.{name}" in sys.modules]
    return [point for point in POINTS if point in registered], used
