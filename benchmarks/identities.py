"""Two real flies known by their looks: by name, learned from tracks, and without any label.

A network learns the names of the two supplied tracks from the beginning of a film and is asked
later in it. Then both flies are taken out of the detections for seconds at a time, as if they
had hidden, and tracked by motion alone, with these names, and with looks that are learned from
the film itself. The supplied tracks are predictions of SLEAP.
"""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import trained
from benchmarks.courtship import FILM
from benchmarks.record import WORK, budget, data, record
from gambol.core.instances import Detections, Tracks, body_length, join
from gambol.core.labels import Labels
from gambol.core.skeleton import Skeleton
from gambol.io import detections as io_detections
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import tracks as io_tracks
from gambol.io.video.open import open_video
from gambol.nn import engine
from gambol.pose import identify, judge, splits
from gambol.stages import finders, identities, predict_many, track
from gambol.tracking import evaluate

LEARN, VALIDATE = range(0, 600, 12), range(630, 690, 6)  # frames, of 40 ms
TEST = range(715, 2300)
SETTINGS = (f"fit.steps={budget(1200, 8)}", "approach=top-down", "many.identities=true")
SHOWN, HIDDEN = 6.0, 2.0  # s
BLOCK_S = 10.0  # that the bootstrap draws together
WAYS = ("motion", "names", "looks")


class Through(NamedTuple):
    """Tracks through hiding places."""

    accuracy: float  # share of animals and frames with the right name
    switches: int
    looks: dict[str, Any]  # what was said of looks that were learned from the film


def run() -> None:
    """Learn names, ask for them later, track through hiding places."""
    source = data("flies_courtship")
    if source is None:
        return
    known = io_labels.load(source / "predictions.slp")
    job = learned(known)
    spent = trained.train_all([job])[0]
    video = open_video(source / FILM, grey=True)
    times = np.asarray(video.times, np.float64)
    video.close()
    found = find(job, source / FILM)
    scores = asked(job, known, found, times)
    each = {way: through(way, source, job, found, times) for way in WAYS}
    told = "; ".join(
        f"by {way} {one.accuracy:.1%} of names right, {one.switches} switches"
        for way, one in each.items()
    )
    record(
        "many.identities",
        scores["rank1"],
        "share",
        data=f"flies_courtship, two flies, frames {TEST[0]} to {TEST[-1]}; names learned from "
        f"{len(LEARN)} of frames {LEARN[0]} to {LEARN[-1]}",
        goal="report",
        interval=scores["intervals"]["rank1"],
        note=f"class vectors of {scores['n']} animals that were found; "
        f"{scores['one_to_one']:.1%} right where each name is given once a frame, the network "
        f"says {scores['said']:.1%}; {spent:.1f} core-minutes. Both taken out for {HIDDEN:g} s "
        f"after every {SHOWN:g} s: {told}. Looks learned from the film: "
        f"{_said(each['looks'].looks)}. The interval is of blocks of {BLOCK_S:g} s",
    )


def learned(known: Labels) -> trained.Job:
    """The training: some frames of the beginning, as a lab would label them."""
    rows = np.flatnonzero(np.isin(known.frame, [*LEARN, *VALIDATE]))
    labels = WORK / "identities" / "labels.slp"
    if not labels.exists():
        labels.parent.mkdir(parents=True, exist_ok=True)
        io_labels.write(known.select(rows), labels, "slp")
    some = io_labels.load(labels)
    nobody = np.zeros(0, np.int64)
    train, val = (np.flatnonzero(np.isin(some.frame, part)) for part in (LEARN, VALIDATE))
    split = splits.Split(train, val, nobody, nobody)
    return trained.Job(labels, WORK / "identities" / "run", SETTINGS, split)


def find(job: trained.Job, film: Path) -> Detections:
    """Find the animals of the later frames as `gambol predict` does; kept, once they are."""
    model = io_run.load(job.run)
    kept = io_detections.Pieces(WORK / "identities" / "found.nc", model.model.made_from)
    piece = kept.read(0)
    if piece is not None:
        return piece.found
    finder = finders.of_run(model, engine.choose_device("cpu"))
    judged = predict_many.judged_by(model)
    scale = model.model.scale
    video = open_video(film, grey=model.model.grey)
    try:
        rows = [
            predict_many.in_frame(finder, judged, scale, video.read([f])[0], f) for f in TEST
        ]
    finally:
        video.close()
    found = join(rows)
    kept.write(0, io_detections.Piece(TEST[0], np.ones(len(TEST), bool), found))
    return found


def asked(
    job: trained.Job, known: Labels, found: Detections, times: np.ndarray
) -> dict[str, Any]:
    """How often looks name the right fly, in frames of their own time."""
    many = io_run.load(job.run).model.many
    assert many is not None
    truth = known.select(np.isin(known.frame, TEST))
    who = identify.renumber(truth.individual, truth.individuals, many.classes)
    place = np.stack([np.zeros_like(found.frame), found.frame], axis=1)
    length = body_length(truth.xy)
    matched = judge.match_all(found.xy, place, truth.xy, truth.pairs, length)
    blocks = (times[truth.frame] // BLOCK_S).astype(np.int64)
    return identify.score(found.identity, matched, who, truth.frame, blocks)


def through(
    way: str, source: Path, job: trained.Job, found: Detections, times: np.ndarray
) -> Through:
    """Track the flies as if they had hidden again and again."""
    many = io_run.load(job.run).model.many
    assert many is not None
    since = (times[found.frame] - times[TEST[0]]) % (SHOWN + HIDDEN)
    seen = found.select(np.flatnonzero(since < SHOWN))
    named = way == "names"
    if not named:
        seen = seen._replace(identity=seen.identity[:, :0])
    folder = WORK / "identities" / way
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / f"flies{track.SUFFIX}"
    kept = io_detections.Pieces(path, way)
    kept.write(0, io_detections.Piece(0, np.ones(len(times), bool), seen))
    attrs = {"most": 2, "source_file": str((source / FILM).resolve())}
    fps = float((len(times) - 1) / np.ptp(times))
    model = io_run.load(job.run).model
    classes = many.classes if named else ()
    io_detections.assemble(
        kept, 1, times, Skeleton.from_dict(model.skeleton), fps, attrs, classes
    )
    cfg = track.TrackConfig(animals=2, appearance=way == "looks")
    made = track.run(cfg, [path], folder / "tracks")[0]
    return _judged(made.tracks, source / "predictions.slp", seen, fps)


def _judged(tracks: Path, known: Path, seen: Detections, fps: float) -> Through:
    """Compare names with those of the supplied tracks."""
    ours, theirs = io_tracks.load(tracks), io_tracks.load(known)
    rows = np.isin(theirs.found.frame, np.unique(seen.frame))
    truth = evaluate.Known(theirs.found.frame[rows], theirs.id[rows], theirs.found.xy[rows])
    cfg = evaluate.TrackScoring(similarity="centroid")
    said = Tracks(ours.id, ours.confidence, len(ours.names))
    aligned = evaluate.align(truth, ours.found, said, fps=fps, cfg=cfg)
    scores = evaluate.evaluate_tracks(aligned, cfg).summary()
    looks = json.loads(identities.attributes(tracks).get("looks", "{}"))
    return Through(scores["identity_accuracy"], scores["id_switches"], looks)


def _said(looks: dict[str, Any]) -> str:
    """What was said of looks: whether they were used, and why."""
    if looks.get("rank1") is None:
        return str(looks.get("why", "none"))
    used = "used" if looks.get("used") else f"not used, {looks.get('why')}"
    return (
        f"of later seconds {looks['rank1']:.0%} are nearest to their own fly (chance "
        f"{looks['chance']:.0%}), area {looks['auroc']:.2f}, equal error "
        f"{looks['equal_error']:.0%}; {used}"
    )
