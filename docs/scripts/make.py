"""Make every page of the documentation that is made: `python docs/scripts/make.py`."""

import importlib
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent


def main() -> None:
    """Call `write` of every script beside this one, and of the page of benchmarks."""
    sys.path[:0] = [str(SCRIPTS), str(SCRIPTS.parents[1])]
    names = [path.stem for path in sorted(SCRIPTS.glob("*.py")) if path.stem != "make"]
    for name in [*names, "benchmarks.page"]:
        write = getattr(importlib.import_module(name), "write", None)
        if write is not None:
            write()
            print(f"made by {name}")


if __name__ == "__main__":
    main()
