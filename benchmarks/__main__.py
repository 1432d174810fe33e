"""Run benchmarks: `python -m benchmarks` for all, `python -m benchmarks mirror` for one.

Minutes on two cores: openfield 25, leap 24, repeats 24, mirror 16, fly 11, demo 5, fast 2,
linear 2, identities 6, crowds 20, structure 7, relabel 8, live 5, scale 25, faults 25,
long3d 8, studio 6, studio-tracks 2, behavior 10, anipose 5 and states 4 with their peers, the
others 1 at most.
`predict`, `fast` and `jumps` use a network of `openfield`, `live` one of `fly`. Parts of
`behavior` run by themselves as `behavior-speed`, `-million`, `-recovery`, `-map` and
`-tables`; those of `scale` as `scale-overhead`, `-efficiency` and `-kills`; those of `studio`
by the number of the check, `studio-1` to `studio-25`. Only when
named: `zoo` and `transfer`, five hours (`zoo` in parts: `zoo-mouse_openfield`,
`-mouse_mirror`, `-fly_crops`), and `semi` and `ensemble`, hours.
Trainings that are finished are kept in `.bench`, so that what was interrupted goes on.
`GAMBOL_BENCH_QUICK=1` tries the code with budgets of a few steps and keeps no figure.
"""

import sys
import time

from benchmarks import (
    anipose,
    behavior,
    courtship,
    crowds,
    demo,
    fast,
    faults,
    flies,
    fly,
    freezing,
    identities,
    identity,
    imports,
    jumps,
    live,
    long3d,
    mirror,
    openfield,
    page,
    predict,
    rat,
    relabel,
    repeats,
    rigs,
    scale,
    semi,
    simulated,
    states,
    structure,
    studio,
    studio_tracks,
    zoo,
)
from benchmarks.record import QUICK

ALL = {
    "import": imports.run,
    "simulate": simulated.speed,
    "openfield": openfield.run,
    "predict": predict.run,
    "fast": fast.run,
    "jumps": jumps.run,
    "linear": openfield.linear,
    "leap": openfield.leap,
    "repeats": repeats.run,
    "fly": fly.run,
    "live": live.run,
    "mirror": mirror.run,
    "flies": flies.run,
    "courtship": courtship.run,
    "identity": identity.run,
    "identities": identities.run,
    "crowds": crowds.run,
    "rat": rat.run,
    "rigs": rigs.run,
    "anipose": anipose.run,
    "long3d": long3d.run,
    "states": states.run,
    "behavior": behavior.run,
    "freezing": freezing.run,
    "structure": structure.run,
    "relabel": relabel.run,
    "demo": demo.run,
    "scale": scale.run,
    "faults": faults.run,
    "studio": studio.run,
    "studio-tracks": studio_tracks.run,
}


def main() -> None:
    """Run what the command line names and write the page."""
    wanted = sys.argv[1:] or list(ALL)
    known = {**ALL, **behavior.PARTS, **studio.PARTS, **zoo.PARTS, **semi.PARTS, **scale.PARTS}
    for name in wanted:
        if name not in known:
            sys.exit(f"no benchmark {name!r}; there are {', '.join(known)}")
    for name in wanted:
        start = time.monotonic()
        known[name]()
        print(f"benchmark {name}: {(time.monotonic() - start) / 60:.1f} minutes", flush=True)
        if not QUICK:
            page.write()


if __name__ == "__main__":
    main()
