"""Tracking alone: its speed, exchanged animals beside a peer's, what its doubt is worth.

The peer runs on the same frozen detections in an environment of its own: give its Python in
`GAMBOL_PEER`. Without that, its numbers are those that were measured once (`peer.json`).
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import meetings
from benchmarks.folds import ONE_THREAD
from benchmarks.record import FOLDER, QUICK, WORK, budget, data, record
from gambol.core.instances import UNTRACKED, Detections, Tracks
from gambol.io import store
from gambol.io import tracks as io_tracks
from gambol.io.provenance import processor
from gambol.io.video.open import open_video
from gambol.kernels.scores import expected_calibration_error
from gambol.pose import clean
from gambol.simulate import scenes
from gambol.tracking import identities, scores, trackers

KEYPOINTS = 13
SECONDS = {2: budget(120, 10), 20: budget(60, 5)}  # of the recordings that are timed
GOALS = {2: 2000, 20: 300}  # frames/s
REPEATS = 5  # of which the median counts
CROSSINGS, CROWDS = budget(60, 3), budget(6, 2)  # scenes
SPARSE = (16, 32)  # every so many frames only
TIMED = 1200  # animals in all frames that the peer, which is slow, is timed on
NAME = "SLEAP-NN 0.3.5"
# what the peer did, with the date and how it was made; written whenever it is asked anew
KEPT = FOLDER / "peer.json"


class Frozen(NamedTuple):
    """Detections without names, and the truth."""

    name: str
    found: Detections
    truth: np.ndarray  # (D,) animal, or UNTRACKED
    times: np.ndarray  # (T,) s
    n: int  # animals
    bones: tuple[tuple[int, int], ...]


class Followed(NamedTuple):
    """What one pass made of a recording, and its seconds of processor time."""

    online: Tracks
    whole: Tracks  # after the offline pass
    cleaning: float
    tracking: float
    resolving: float  # offline


class Errors(NamedTuple):
    """What is wrong with tracks."""

    switches: int
    names: int  # ids in use
    idf1: float


def run() -> None:
    """Measure all figures of this file."""
    frozen = [*pair(), *sparse(), *simulated(), *timed()]
    peer = ask_peer(frozen)
    speed(frozen, peer)
    switches(frozen, peer)
    crossings()


# ---- recordings ------------------------------------------------------------------------------


def pair() -> list[Frozen]:
    """Two flies in close contact, found by a network, with their names taken away."""
    source = data("flies_pair")
    if source is None:
        return []
    path = source / "slp" / "centered_pair_predictions.clean.slp"
    said = io_tracks.load(path)
    video = open_video(source / "videos" / "centered_pair_low_quality.mp4", grey=True)
    times = np.asarray(video.times, float)[: int(said.found.frame[-1]) + 1]
    video.close()
    rng = np.random.default_rng(0)
    order = np.lexsort((rng.random(len(said.id)), said.found.frame))
    found = said.found.select(order)
    return [Frozen("pair", found, said.id[order], times, 2, said.skeleton.bones)]


def sparse() -> list[Frozen]:
    """The pair at every few frames only, as if the film had been slower."""
    return [_every(one, step) for one in pair() for step in SPARSE]


def _every(one: Frozen, step: int) -> Frozen:
    rows = np.flatnonzero(one.found.frame % step == 0)
    found = one.found.select(rows)
    found = found._replace(frame=found.frame // step)
    name = f"{one.name}, one frame in {step}"
    return one._replace(name=name, found=found, truth=one.truth[rows], times=one.times[::step])


def simulated() -> list[Frozen]:
    """Pairs that cross straight at right angles, and crowds that walk through each other."""
    rng = np.random.default_rng(1)
    camera = scenes.Camera(n_keypoints=KEYPOINTS)
    crossed = [
        _frozen("crossing", scenes.crossing(rng, speed=rng.uniform(1.0, 6.0), camera=camera))
        for _ in range(CROSSINGS)
    ]
    crowds = []
    for i in range(CROWDS):
        met = meetings.passing(rng, 2 + 3 * (i % 2), seconds=30.0, camera=camera)
        bones = tuple((k, k + 1) for k in range(KEYPOINTS - 1))
        crowds.append(Frozen("crowd", met.found, met.truth, met.times, met.n, bones))
    return crossed + crowds


def timed() -> list[Frozen]:
    """Walkers that never touch, for the clock."""
    camera = scenes.Camera(n_keypoints=KEYPOINTS)
    walked = [
        scenes.walkers(np.random.default_rng(n), n, seconds=seconds, camera=camera)
        for n, seconds in SECONDS.items()
    ]
    return [_frozen(f"walkers {scene.n_animals}", scene) for scene in walked]


def _frozen(name: str, scene: scenes.Scene) -> Frozen:
    bones = tuple((k, k + 1) for k in range(KEYPOINTS - 1))
    return Frozen(name, scene.detections, scene.truth, scene.times, scene.n_animals, bones)


# ---- tracking --------------------------------------------------------------------------------


def follow(one: Frozen) -> Followed:
    """Do what `gambol track` does: clean, track, resolve the whole recording."""
    clock = [time.process_time()]
    judged = clean.clean(one.found, one.bones)
    rows = np.flatnonzero(judged.kept)
    kept = judged.detections.select(rows)
    clock.append(time.process_time())
    made = trackers.track(trackers.PRESETS["gambol"], kept, one.times, trackers.exactly(one.n))
    clock.append(time.process_time())
    scale = made.scale
    solved = identities.identify(
        kept, made.track, made.margin, one.times, one.n, scale.arena, scale.length
    )
    clock.append(time.process_time())
    both = []
    for tracks in (made.tracks, solved.tracks):
        who, sure = np.full(len(one.truth), UNTRACKED), np.zeros(len(one.truth))
        who[rows], sure[rows] = tracks.id, tracks.confidence
        both.append(Tracks(who, sure, one.n))
    return Followed(both[0], both[1], *np.diff(clock).tolist())


def errors(one: Frozen, track: np.ndarray) -> Errors:
    """Compare tracks with the truth; a detection is its animal and no other.

    Args:
        one: the recording.
        track: (D,) of every detection, or UNTRACKED.
    """
    names, number = np.unique(track[track != UNTRACKED], return_inverse=True)
    whose = np.full(len(track), UNTRACKED)
    whose[track != UNTRACKED] = number
    edges = np.searchsorted(one.found.frame, np.arange(len(one.times) + 1))
    truth, found, alike = [], [], []
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        rows = np.arange(first, last)
        real, tracked = rows[one.truth[rows] >= 0], rows[whose[rows] >= 0]
        truth.append(one.truth[real])
        found.append(whose[tracked])
        alike.append((real[:, None] == tracked).astype(float))
    sure = [np.ones(len(part)) for part in found]
    aligned = scores.Aligned(one.times, 1.0, truth, found, alike, sure, one.n, len(names))
    named = scores.identity(aligned)
    return Errors(scores.clear(aligned).id_switches, len(names), named.idf1)


def total(frozen: Sequence[Frozen], tracks: Sequence[np.ndarray]) -> Errors:
    """Sum switches over recordings; the most names in use beyond the animals; mean IDF1."""
    parts = [errors(one, track) for one, track in zip(frozen, tracks, strict=True)]
    surplus = max(part.names - one.n for part, one in zip(parts, frozen, strict=True))
    idf1 = float(np.mean([part.idf1 for part in parts]))
    return Errors(sum(part.switches for part in parts), surplus, idf1)


# ---- the peer --------------------------------------------------------------------------------


def ask_peer(frozen: Sequence[Frozen], wanted: Sequence[str] = ()) -> dict[str, Any]:
    """Run the peer on the same detections, or return what it was measured to do.

    Args:
        frozen: recordings; a setting that looks at images needs the film of the first.
        wanted: names of its settings; all if there are none.

    Returns:
        By group of recordings and by setting: switches, surplus names, IDF1 and frames/s.
    """
    python = os.environ.get("GAMBOL_PEER")
    if python is None:
        return dict(store.read_json(KEPT)["figures"]) if KEPT.exists() else {}
    frozen = [_cut(one) for one in frozen]
    folder = WORK / "identity"
    folder.mkdir(parents=True, exist_ok=True)
    freeze(frozen, folder / "frozen.npz")
    command = [*_pinned(), python, str(FOLDER / "peer.py")]
    command += [str(folder / "frozen.npz"), str(folder / "peer.json"), *wanted]
    subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD})
    told = json.loads((folder / "peer.json").read_text())
    at = np.repeat(np.arange(len(frozen)), [len(one.truth) for one in frozen])
    made: dict[str, Any] = {}
    for group in dict.fromkeys(one.name for one in frozen):
        some = [i for i, one in enumerate(frozen) if one.name == group]
        made[group] = {}
        for setting, said in told.items():
            if any(said["seconds"][i] is None for i in some):
                continue
            track = np.array(said["track"])
            wrong = total([frozen[i] for i in some], [track[at == i] for i in some])
            frames = sum(len(frozen[i].times) for i in some)
            rate = frames / sum(said["seconds"][i] for i in some)
            made[group][setting] = [*wrong, round(rate, 1)]
    if not QUICK and not wanted:
        how = (
            f"{NAME} on {processor()}, one core, in an environment of its own with torch for "
            "CPUs and without torchvision, which its tracker does not need"
        )
        said = "switches, most names beyond the animals, mean IDF1, frames/s of processor time"
        today = datetime.now(UTC).date().isoformat()
        store.write_json({"how": how, "date": today, "columns": said, "figures": made}, KEPT)
    return made


def freeze(frozen: Sequence[Frozen], path: Path) -> None:
    """Write the detections, without truth, for the peer; keypoints are padded with NaN."""
    most = max(one.found.xy.shape[1] for one in frozen)
    padded = [
        np.pad(one.found.xy, ((0, 0), (0, most - one.found.xy.shape[1]), (0, 0)),
               constant_values=np.nan) for one in frozen
    ]  # fmt: skip
    where = data("flies_pair")
    film = "" if where is None else str(where / "videos" / "centered_pair_low_quality.mp4")
    np.savez_compressed(
        path,
        scene=np.repeat(np.arange(len(frozen)), [len(one.truth) for one in frozen]),
        frame=np.concatenate([one.found.frame for one in frozen]),
        xy=np.concatenate(padded),
        joints=np.array([one.found.xy.shape[1] for one in frozen]),
        score=np.concatenate([one.found.score for one in frozen]),
        animals=np.array([one.n for one in frozen]),
        frames=np.array([len(one.times) for one in frozen]),
        film=np.array(film),
    )


def _cut(one: Frozen) -> Frozen:
    """Recordings for the clock are cut short for the peer, which needs long for many."""
    if not one.name.startswith("walkers"):
        return one
    frames = min(TIMED // one.n, len(one.times))
    rows = np.flatnonzero(one.found.frame < frames)
    return one._replace(
        found=one.found.select(rows), truth=one.truth[rows], times=one.times[:frames]
    )


# ---- figures ---------------------------------------------------------------------------------


def speed(frozen: Sequence[Frozen], peer: dict[str, Any]) -> None:
    """Record frames/s of tracking alone, each number of animals in a process on one core."""
    for n, seconds in SECONDS.items():
        command = [*_pinned(), sys.executable, "-m", "benchmarks.identity", str(n)]
        told = subprocess.run(
            command, check=True, capture_output=True, text=True,
            env={**os.environ, **ONE_THREAD},
        )  # fmt: skip
        rate = json.loads(told.stdout.splitlines()[-1])
        best = _best(peer.get(f"walkers {n}", {}), 3, highest=True)
        record(
            f"track.fps_{n}",
            rate["whole"],
            "frames/s",
            data=f"simulated, {n} walkers, 13 keypoints, {seconds} s at 30 frames/s, one core",
            goal=f"≥ {GOALS[n]}",
            met=rate["whole"] >= GOALS[n],
            peer=None if best is None else f"{NAME}, its fastest setting ({best[0]}), online",
            peer_value=None if best is None else best[1],
            note="tracking and the offline pass over the whole recording, per second of "
            f"processor time (the machine is shared), median of {REPEATS}; online tracking "
            f"alone {rate['online']:.0f} frames/s; cleaning, which `gambol track` does before, "
            f"{rate['cleaning']:.0f} frames/s",
        )


def switches(frozen: Sequence[Frozen], peer: dict[str, Any]) -> None:
    """Record identity switches on real and on simulated detections."""
    groups = {
        "pair": "flies_pair",
        **{f"pair, one frame in {step}": f"one frame in {step} of it" for step in SPARSE},
        "crossing": f"{CROSSINGS} simulated crossings at right angles, 1 to 6 lengths/s",
        "crowd": f"{CROWDS} simulated pairs and fives that walk through each other for 30 s",
    }
    told, ours, theirs = [], {}, {}
    for group, what in groups.items():
        some = [one for one in frozen if one.name == group]
        if not some:
            continue
        done = [follow(one) for one in some]
        ours[group] = total(some, [d.whole.id for d in done])
        online = total(some, [d.online.id for d in done])
        table = peer.get(group, {})
        theirs[group] = _best(table, 0, highest=False)
        said = "; ".join(f"{name} {v[0]} (IDF1 {v[2]:.3f})" for name, v in table.items())
        told.append(
            f"{what}: {ours[group].switches} (IDF1 {ours[group].idf1:.4f}), online alone "
            f"{online.switches}, the peer: {said or 'not measured'}"
        )
    if "pair" not in ours:
        return
    best = theirs["pair"]
    fewer = [
        ours[g].switches < b[1] or (g.startswith("pair") and ours[g].switches == b[1])
        for g, b in theirs.items()
        if b is not None
    ]
    record(
        "pair.id_switches",
        ours["pair"].switches,
        "switches",
        data="flies_pair, 800 frames, 2 flies, 24 keypoints, frozen detections",
        goal="no more than the peer's best setting; fewer on simulated meetings",
        met=all(one.names <= 0 for one in ours.values()) and all(fewer) if fewer else None,
        peer=None if best is None else f"{NAME}, its best setting",
        peer_value=None if best is None else best[1],
        note="identity switches on the same detections; most names beyond the animals: "
        f"{max(one.names for one in ours.values())}. "
        + ". ".join(told)
        + ". The peer's settings: default; known: local queues "
        "and the number of animals; the same with distances of centroids, with its Kalman "
        "filter, with its optical flow (where there is a film). Simulated animals are sticks, "
        "whose boxes can be thin, which strains the peer's OKS",
    )


def crossings() -> None:
    """Record how far the confidence in identities after a meeting is from being right."""
    met = meetings.many(budget(1200, 12))
    said, right, kind = (np.array(part) for part in zip(*met, strict=True))
    ece = expected_calibration_error(said, right)
    parts = []
    for name in dict.fromkeys(kind.tolist()):
        p, was = said[kind == name], right[kind == name]
        parts.append(
            f"{name}: {len(p)} meetings, {was.mean():.1%} right, said {p.mean():.1%}, ECE "
            f"{expected_calibration_error(p, was):.3f}"
        )
    folder = WORK if QUICK else FOLDER.parent / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "crossings.svg"
    path.write_text(meetings.picture(said, right, kind), encoding="utf-8")
    record(
        "crossings.ece",
        ece,
        "probability",
        data=f"{len(said)} simulated meetings of two animals, looks none to distinct",
        goal="< 0.05",
        met=ece < 0.05,
        note="probability that both animals leave a meeting with the names they came with, "
        f"against whether they did; 15 bins of equal width. {'; '.join(parts)}. "
        "![Confidence against being right](images/crossings.svg)",
    )


def _best(table: dict[str, Any], column: int, *, highest: bool) -> tuple[str, float] | None:
    """The peer's setting that does best in a column."""
    if not table:
        return None
    pick = max if highest else min
    name = pick(table, key=lambda setting: table[setting][column])
    return name, table[name][column]


def _pinned() -> list[str]:
    return ["taskset", "-c", "0"] if shutil.which("taskset") else []


def main() -> None:
    """Time one recording; the process that `speed` starts."""
    n = int(sys.argv[1])
    one = next(f for f in timed() if f.n == n)
    done = [follow(one) for _ in range(REPEATS + 1)][1:]  # the first one compiles
    spent = {
        "whole": [d.tracking + d.resolving for d in done],
        "online": [d.tracking for d in done],
        "cleaning": [d.cleaning for d in done],
    }
    print(json.dumps({k: len(one.times) / float(np.median(v)) for k, v in spent.items()}))


if __name__ == "__main__":
    main()
