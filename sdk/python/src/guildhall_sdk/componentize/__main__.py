"""`python3 -m guildhall_sdk.componentize --out FILE`."""

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .plugin import Unusable, find, look
from .world import application, world

#: The module that a component begins with.
APPLICATION = "guildhall_component"
#: How componentize-py is run, whichever its script's place is.
PROGRAM = "import componentize_py, sys; sys.exit(componentize_py.script())"


def componentize(folder: Path, out: Path) -> None:
    """Makes a component of the plugin in a folder."""
    if importlib.util.find_spec("componentize_py") is None:
        raise Unusable(f"componentize-py is not installed: run `{sys.executable} -m pip install guildhall-sdk`")
    home, module = find(folder)
    points, modules = look(home, module)
    sdk = Path(__file__).parent.parent
    with TemporaryDirectory(prefix="guildhall-") as name:
        scratch = Path(name)
        (scratch / "wit").mkdir()
        (scratch / "wit" / "plugin.wit").write_text(world(points, modules))
        (scratch / "wit" / "deps").symlink_to(sdk / "wit")
        (scratch / "app").mkdir()
        (scratch / "app" / f"{APPLICATION}.py").write_text(application(module, points))
        command = [sys.executable, "-c", PROGRAM, "--quiet", "--wit-path", str(scratch / "wit"), "--world", "plugin"]
        command += ["componentize", "--stub-wasi", "--output", str(out)]
        for path in (scratch / "app", home, sdk.parent):
            command += ["--python-path", str(path)]
        done = subprocess.run([*command, APPLICATION], capture_output=True, text=True)
    if done.returncode != 0:
        raise Unusable(f"componentize-py: {(done.stderr or done.stdout).strip()}")


def main() -> int:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(prog="python3 -m guildhall_sdk.componentize", description=componentize.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the component goes")
    try:
        componentize(Path.cwd(), parser.parse_args().out.absolute())
    except Unusable as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
