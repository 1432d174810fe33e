"""Run benchmarks: `python -m benchmarks` for all, `python -m benchmarks mirror` for one."""

import sys

from benchmarks import demo, imports, mirror, openfield, page, predict

ALL = {
    "import": imports.run,
    "openfield": openfield.run,
    "predict": predict.run,
    "mirror": mirror.run,
    "demo": demo.run,
}


def main() -> None:
    """Run what the command line names and write the page."""
    wanted = sys.argv[1:] or list(ALL)
    for name in wanted:
        if name not in ALL:
            sys.exit(f"no benchmark {name!r}; there are {', '.join(ALL)}")
    for name in wanted:
        print(f"benchmark {name}", flush=True)
        ALL[name]()
    page.write()


if __name__ == "__main__":
    main()
