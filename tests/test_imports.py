"""Importing says nothing and changes nothing that others in the same process rely on."""

import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "gambol"
ROOMS = ("core", "kernels", "io", "simulate", "behavior", "viz", "stages")

# Packages of others are loaded first, for what these do at import is their affair.
CODE = """
import importlib, locale, os, random, signal, sys, threading, warnings

import cv2, h5py, jaxtyping, matplotlib, numba, numpy, pandas, scipy, sklearn, torch, xarray


def state():
    return {
        "warnings": list(warnings.filters),
        "how warnings are shown": warnings.showwarning,
        "errors of numpy": numpy.geterr(),
        "how numpy prints": numpy.get_printoptions(),
        "generator of numpy": tuple(map(str, numpy.random.get_state())),
        "generator of python": random.getstate(),
        "generator of torch": torch.random.get_rng_state().tolist(),
        "float type of torch": torch.get_default_dtype(),
        "gradients of torch": torch.is_grad_enabled(),
        "threads of torch": torch.get_num_threads(),
        "threads of numba": numba.get_num_threads(),
        "threads of cv2": cv2.getNumThreads(),
        "backend of matplotlib": dict.__getitem__(matplotlib.rcParams, "backend"),
        "settings of matplotlib": {
            k: repr(v) for k, v in dict.items(matplotlib.rcParams) if k != "backend"
        },
        "pyplot": "matplotlib.pyplot" in sys.modules,
        "options of xarray": dict(xarray.core.options.OPTIONS),
        "options of pandas": repr(pandas.get_option("display.max_rows")),
        "settings of scikit-learn": sklearn.get_config(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "path": list(sys.path),
        "language": locale.setlocale(locale.LC_ALL),
        "signals": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
        "recursion": sys.getrecursionlimit(),
        "hook": sys.excepthook,
        "threads": [thread.name for thread in threading.enumerate()],
    }


state()  # asking starts pools of threads
before = state()
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("gambol"):
            raise
    now = state()
    for what, was in before.items():
        if now[what] != was:
            raise SystemExit(f"{name} changes {what}: {was} is {now[what]}"[:400])
"""


def modules():
    """Every module of the rooms, by its name."""
    for room in ROOMS:
        for path in sorted((SOURCE / room).rglob("*.py")):
            parts = path.relative_to(SOURCE.parent).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_modules_are_imported_silently_and_change_no_global_state(tmp_path):
    names = list(modules())
    assert len(names) > 300 and "gambol.behavior.slds" in names
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE, *names],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == done.stderr == ""
    assert not list(tmp_path.iterdir())
