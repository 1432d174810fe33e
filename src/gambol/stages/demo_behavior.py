"""The demo's behaviour: a map, syllables and states of minutes, found again in the films.

writes  out/map/, out/syllables/, out/states/   fitted to the minutes of poses
        out/again/map, syllables, states        the same models, applied to the films
        out/truth/KIND/NAME.csv                 what each mouse did, a row a frame
"""

from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int

from gambol.behavior import compare, ethogram, sequences
from gambol.behavior.regions import RegionSettings
from gambol.core.errors import InputError
from gambol.core.progress import Progress
from gambol.core.sequences import MISSING, Sequences, pack, resized, select, unpack
from gambol.io import ethogram as io_ethogram
from gambol.io import state_courses
from gambol.stages import (
    apply_map,
    apply_states,
    apply_syllables,
    evaluate_3d,
    map,
    map_stability,
    scan_states,
    simulated,
    states,
    syllable_files,
    syllable_learning,
    syllables,
)
from gambol.stages.simulate_views import Filmed


class Level(NamedTuple):
    """A way of naming what animals do, and what it is scored against."""

    label: str  # in its files
    folder: str  # of its run, that holds these
    truth: str  # category of what is true


LEVELS = {
    "map": Level("region", "places", simulated.BEHAVIOUR),
    "syllables": Level("syllable", "syllables", simulated.BEHAVIOUR),
    "states": Level("state", "states", simulated.STATE),
}


REGIONS = 20  # of the map, at most
RARE = 0.005  # share of the frames from which a name is in use


class Seen(NamedTuple):
    """Poses of mice in space, and what is true of them."""

    poses: Path
    films: Filmed


class Score(NamedTuple):
    """How well a level says what mice did."""

    names: int  # that are in use
    adjusted_rand: float  # of the names and the truth, in the minutes
    right: float  # share of the minutes' frames, each name read as what it mostly is
    chance: float  # the same of the most frequent behaviour alone
    in_films: float | None  # share of the films' frames that are right, with the same reading
    median_s: float  # that a name lasts


class Course(NamedTuple):
    """What the first mouse of the films did, and what a level says of it."""

    true: Int[np.ndarray, " T"]
    read: Int[np.ndarray, " T"]  # names read as what they mostly were; -1 where there is none
    words: tuple[str, ...]


class Size(NamedTuple):
    """How much of it."""

    map_frames: int  # that learn the map
    map_steps: int  # of its embedding
    halves: int  # times that the map is made of half of the frames, to see what stays
    sweeps: int  # of the model of syllables
    kappa: float | Literal["auto"]  # its stickiness
    kappas: tuple[float, ...]  # stickiness of states that is tried; none: what the data suggest
    states: tuple[int, ...]  # numbers of states that are tried
    seeds: int  # fits of each


def fit(size: Size, poses: Path, out: Path, threads: int, progress: Progress) -> None:
    """Fit a map and syllables to poses, and states to the syllables."""
    places = map.MapConfig(
        training_frames=size.map_frames, iterations=size.map_steps, movies=None,
        regions=RegionSettings(most=REGIONS, frames=2.0),  # as there are few
        stability=map_stability.StabilityConfig(splits=size.halves),
    )  # fmt: skip
    map.run(places, [poses], out / "map", threads=threads, progress=progress)
    short = syllables.SyllablesConfig(
        seeds=1, iterations=size.sweeps, warm_sweeps=size.sweeps // 2, kappa=size.kappa,
        learning=syllable_learning.LearningConfig(shares=()),
    )  # fmt: skip
    syllables.run(short, [poses], out / "syllables", threads=threads, progress=progress)
    above = states.StatesConfig(
        scan=scan_states.ScanConfig(
            kappas=size.kappas, states=size.states, seeds=size.seeds, iterations=50
        ),
        iterations=100,
    )
    states.run(above, [out / "syllables"], out / "states", threads=threads, progress=progress)


def again(poses: Path, out: Path, threads: int, progress: Progress) -> None:
    """Apply what was fitted to other poses, as far as there is enough of them."""
    at = out / "again"
    with suppress(InputError):  # films too short or too bad for a map may do for syllables
        apply_map.run(
            apply_map.ApplyConfig(), out / "map", [poses], at / "map",
            threads=threads, progress=progress,
        )  # fmt: skip
    with suppress(InputError):
        apply_syllables.run(
            apply_syllables.ApplyConfig(), out / "syllables", [poses], at / "syllables",
            threads=threads, progress=progress,
        )  # fmt: skip
        apply_states.run(
            apply_states.ApplyConfig(), out / "states" / "fit", [at / "syllables"],
            at / "states", threads=threads, progress=progress,
        )  # fmt: skip


def score(minutes: Seen, films: Seen, out: Path) -> dict[str, tuple[Score, Course]]:
    """Score all levels against the truth."""
    for seen in (minutes, films):
        _write_truth(seen, out)
    words = io_ethogram.read(films.films.behaviour).ethogram.scheme
    return {
        name: _score(name, minutes.poses.stem, films.poses.stem, out, _words(words, level))
        for name, level in LEVELS.items()
    }


def _score(
    name: str, minutes: str, films: str, out: Path, words: tuple[str, ...]
) -> tuple[Score, Course]:
    level = LEVELS[name]
    run = out / name / ("fit" if name == "states" else "")
    ours, true = _labels(run / level.folder, level, out / "truth", minutes, len(words))
    table = compare.contingency(ours, true)
    most = table.argmax(axis=1)  # what each name mostly is
    told = Score(
        int((table.sum(axis=1) > RARE * table.sum()).sum()),
        compare.adjusted_rand(table),
        float(table.max(axis=1).sum() / max(1, true.valid.sum())),
        float(np.bincount(true.values[true.valid]).max(initial=0) / max(1, true.valid.sum())),
        None,
        sequences.median(sequences.durations(ours)),
    )
    there = out / "again" / name / level.folder
    if not there.is_dir():
        nothing = np.zeros(0, np.int64)
        return told, Course(nothing, nothing, words)
    found, known = _labels(there, level, out / "truth", films, len(words))
    read = pack([_read(one, most) for one in unpack(found)], found.names, found.fps, len(words))
    right = float(np.trace(compare.contingency(read, known)) / max(1, known.valid.sum()))
    return told._replace(in_films=right), Course(unpack(known)[0], unpack(read)[0], words)


def _read(labels: Int[np.ndarray, " T"], most: Int[np.ndarray, " K"]) -> Int[np.ndarray, " T"]:
    """Read names as what they mostly are; those that the minutes did not have as nothing."""
    known = (labels >= 0) & (labels < len(most))
    return np.where(known, most[np.where(known, labels, 0)], MISSING)


def _words(scheme: pd.DataFrame, level: Level) -> tuple[str, ...]:
    """Return what can be true of a level, in the order of its numbers."""
    said = scheme.loc[scheme["category"] == level.truth, "label"]
    return tuple(str(word).removeprefix("state: ") for word in said)


def _labels(
    folder: Path, level: Level, truth: Path, poses: str, size: int
) -> tuple[Sequences, Sequences]:
    """Read names of ours, and which of `size` words is true."""
    ours = syllable_files.read([folder], None, level.label).sequences
    there = truth / level.truth / poses
    true = syllable_files.read([there], ours.fps, level.truth).sequences
    return ours, resized(select(true, ours.names), size)


def _write_truth(seen: Seen, out: Path) -> None:
    """Write what each mouse did, under the names of our recordings."""
    found = io_ethogram.read(seen.films.behaviour).ethogram
    who = dict(evaluate_3d.individuals(seen.poses, seen.films.truth))
    for category in (simulated.BEHAVIOUR, simulated.STATE):
        scheme = found.scheme
        among = scheme.loc[scheme["category"] == category, "label"].tolist()
        for mine, theirs in who.items():
            did = unpack(ethogram.sequences(found, among, subject=theirs))[0]
            name = f"{seen.poses.stem}.{mine}.csv"
            state_courses.write_table(
                pd.DataFrame({"frame": np.arange(len(did)), category: did}),
                out / "truth" / category / seen.poses.stem / name,
            )
