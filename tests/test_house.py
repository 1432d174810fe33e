"""The rules of the house that a machine can keep."""

import ast
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "gambol"
SOURCES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {
    "av", "cv2", "h5py", "matplotlib", "numba", "openvino", "pandas", "pycocotools", "scipy",
    "sklearn", "sleap_io", "tables", "torch", "xarray",
}  # fmt: skip


def name(path):
    return path.relative_to(ROOT).as_posix()


def test_imports_point_one_way():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def modules_after(code):
    """Run code in a fresh interpreter: what it imported, and the seconds it took."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {module.split(".")[0] for module in done.stdout.split()}, time.perf_counter() - start


def test_importing_opens_no_heavy_door():
    assert not HEAVY & modules_after("import gambol")[0]


def test_asking_for_help_opens_no_heavy_door():
    code = (
        "sys.argv = ['gambol', '--help']\nimport contextlib, io\n"
        "from gambol.app.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main()"
    )
    assert not HEAVY & modules_after(code)[0]


def test_importing_takes_less_than_half_a_second():
    nothing = min(modules_after("")[1] for _ in range(3))
    gambol = min(
        modules_after("import gambol")[1] for _ in range(3)
    )  # least disturbed of three
    assert gambol - nothing < 0.5


@pytest.mark.parametrize(
    "words", ["errors", "config", "registry", "progress", "skeleton"], ids=str
)
def test_the_vocabulary_that_every_face_needs_is_light(words):
    assert not (HEAVY - {"numpy"}) & modules_after(f"import gambol.core.{words}")[0]


# tests of a whole room, whose parts have their own
OF_ROOMS = {
    "app/test_bad_input.py",
    "app/web/test_frontend.py",
    "io/labels/test_foreign.py",
    "io/labels/test_real_files.py",
}


def test_every_test_has_its_module():
    lonely = []
    for path in (ROOT / "tests").rglob("*/test_*.py"):
        test = path.relative_to(ROOT / "tests")
        if "e2e" in test.parts:  # the whole application in a browser
            continue
        words = path.stem.split("_")[1:]  # test_project_safety tests project, too
        modules = ["_".join(words[:n]) for n in range(1, len(words) + 1)]
        homes = [PACKAGE / test.parent / module for module in modules]
        found = any(home.with_suffix(".py").exists() or home.is_dir() for home in homes)
        if not found and test.as_posix() not in OF_ROOMS:
            lonely.append(name(path))
    assert not lonely


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_says_its_one_idea_first_and_ends_in_sight(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""'), "the first line says which idea the file holds"
    assert len(text.splitlines()[0]) > 10
    assert len(text.splitlines()) <= 450


def test_every_function_fits_a_screen():
    long = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                if lines > 60:
                    long.append(f"{name(path)}: {node.name} has {lines} lines")
    assert not long


def test_nothing_is_left_for_later():
    later = re.compile(r"\b(TODO|FIXME|XXX|NotImplemented\b)")
    marks = [name(p) for p in SOURCES if later.search(p.read_text(encoding="utf-8"))]
    assert not marks


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_loading_never_executes_code(path):
    unsafe = {"eval", "exec", "yaml.load", "pickle.load", "pickle.loads", "pickle.Unpickler"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and "Unpickler" in "".join(
            map(ast.unparse, node.bases)
        ):
            methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            assert "find_class" in methods  # plain values only
        if isinstance(node, ast.Call):
            said = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            called = ast.unparse(node.func)
            assert called not in unsafe, ast.unparse(node)
            assert called != "torch.load" or said.get("weights_only") == "True"
            assert said.get("allow_pickle", "False") == "False"


def test_only_the_pixel_convention_knows_the_half():
    half = re.compile(r"[xy]\w*\s*[+-]\s*0\.5\b|align_corners\s*=\s*True")
    knowing = {name(p) for p in SOURCES if half.search(p.read_text(encoding="utf-8"))}
    assert knowing <= {"src/gambol/core/pixels.py"}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_text_has_the_same_encoding_on_every_system(path):
    """What Windows reads and writes by default is not what the other systems do."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        said = {word.arg for word in call.keywords}
        if call.func.attr in ("read_text", "write_text"):
            ours = isinstance(call.func.value, ast.Name) and call.func.value.id == "store"
            assert ours or "encoding" in said, f"{name(path)}:{call.lineno}"
        modes = [a for a in call.args if call.func.attr == "open" and _is_mode(a)]
        if modes and ast.unparse(call.func) != "av.open":
            assert "b" in modes[0].value or "encoding" in said, f"{name(path)}:{call.lineno}"


def _is_mode(node):
    return isinstance(node, ast.Constant) and str(node.value).strip("rwaxbt+") == ""
