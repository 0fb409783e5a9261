"""Puts the host's interfaces into the package, when it is built inside of the repository."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGES = ["core", "data", "kv", "http", "events", "jobs", "secrets", "actions", "hooks", "views", "channel"]


class WitHook(BuildHookInterface[Any]):
    """In what was packed already, they are there."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        wit = Path(self.root, "..", "..", "wit").resolve()
        if Path(self.root, "src", "guildhall_sdk", "wit").is_dir():
            return
        source = "src/" if self.target_name == "sdist" else ""
        for name in PACKAGES:
            build_data["force_include"][str(wit / name)] = f"{source}guildhall_sdk/wit/{name}"
