"""What a report on several animals shows, collected from files: runs, detections, tracks.

`stages.report` calls this.
"""

from pathlib import Path
from typing import Any

import numpy as np

from gambol.core import pixels, regions
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.core.labels import Labels
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.io.video import DamagedFrame, open_video
from gambol.kernels.similarity import Pairs, areas, oks
from gambol.pose import crops, instances
from gambol.stages import compare, crowd, footage, identities, movies_many, trained_many
from gambol.viz import cast, report_many, tracked
from gambol.viz.films import Example
from gambol.viz.html import Markup

DOUBT = 0.9  # identity confidence under which an animal is marked, as in films
EXAMPLES = 3  # frames spread over a video, and as many doubtful ones


def of_run(trained: io_run.Trained, held: io_run.Heldout) -> report_many.Many:
    """Collect what is special about a run of several animals."""
    model = trained.model
    folder = trained.folder
    keypoints = io_run.read_log(folder)
    logs = {"error": keypoints}
    if trained.centroid is not None:
        logs = {
            "Middles of animals": io_run.read_log(folder / io_run.CENTROID),
            "Keypoints in the crops": keypoints,
        }
    found = np.isfinite(held.xy).all(axis=-1).any(axis=-1)
    cut = None if trained.centroid is None else _crops(trained, held)
    return report_many.Many(
        model.approach, logs, found, _matched(trained, held), cut, _compared(folder)
    )


def _matched(trained: io_run.Trained, held: io_run.Heldout) -> np.ndarray:
    """Which labelled animals were found well enough to count as found in the scores."""
    rules = instances.InstanceScoring()
    area = areas(held.truth, trained.model.body_px, of=rules.area)
    sigma = np.full(held.truth.shape[1], rules.sigma)
    own = np.arange(len(held.truth))
    alike = oks(held.truth, held.xy, area, sigma, pairs=Pairs(own, own))
    return np.asarray(alike >= rules.match)


def _compared(folder: Path) -> report_many.Compared | None:
    """What `train --compare` wrote, if that is where the run comes from."""
    if not (folder / io_run.COMPARISON).is_file():
        return None
    return report_many.Compared(*compare.tell(compare.read(folder)))


def section(path: Path) -> Markup:
    """Return the section about a file of detections or tracks."""
    head = crowd.header(path)
    if not head.frames:
        raise InputError(f"{path} holds no frame; predict the video again")
    return _tracks(path, head) if head.names else _detections(path, head)


def _tracks(path: Path, head: crowd.Header) -> Markup:
    sure = np.full((head.frames, len(head.names)), np.nan)
    others = np.zeros(head.frames, np.int64)
    for piece in crowd.pieces(path):
        mine = piece.id != UNTRACKED
        sure[piece.found.frame[mine], piece.id[mine]] = piece.confidence[mine]
        np.add.at(others, piece.found.frame[~mine], 1)
    events = _events(path, head.names)
    doubtful = [e.first for e in sorted(events or [], key=lambda e: e.confidence)]
    examples, note = _examples(path, head, doubtful, np.isfinite(sure).sum(axis=1))
    return tracked.describe(
        tracked.Tracks(
            path.stem, head.names, _times(head), sure, others, events, DOUBT, examples, note
        )
    )


def _detections(path: Path, head: crowd.Header) -> Markup:
    counts = np.zeros(head.frames, np.int64)
    scores = []
    for piece in crowd.pieces(path):
        np.add.at(counts, piece.found.frame, 1)
        scores.append(piece.found.score)
    joined = np.concatenate(scores) if scores else np.zeros(0)
    most = int(head.attrs["most"]) if "most" in head.attrs else None
    odd = np.flatnonzero(counts != (most or counts.max(initial=0))).tolist()
    examples, note = _examples(path, head, odd, counts)
    name = path.name.removesuffix(".detections.nc")
    middle = float(np.median(joined)) if len(joined) else 0.0
    return tracked.describe_counts(
        tracked.Counted(name, _times(head), counts, most, middle, examples, note)
    )


def _times(head: crowd.Header) -> np.ndarray:
    """Seconds; frame numbers where the file knows no clock."""
    if head.times is not None:
        return np.asarray(head.times[: head.frames], np.float64)
    return np.arange(head.frames, dtype=np.float64)


def _events(path: Path, names: tuple[str, ...]) -> list[tracked.Event] | None:
    """Read the review queue beside tracks; None where there is none."""
    queue = identities.queue_file(path)
    if path.suffix != ".nc" or not queue.exists():
        return None
    try:
        return [_event(row, names) for row in store.read_json(queue)["events"]]
    except (KeyError, TypeError, IndexError) as error:
        raise InputError(f"{queue} is no review queue; run gambol track again") from error


def _event(row: dict[str, Any], names: tuple[str, ...]) -> tracked.Event:
    who, instead = (
        tuple(a if isinstance(a, str) else names[a] for a in row[key])
        for key in ("animals", "instead")
    )
    return tracked.Event(
        str(row["kind"]), int(row["first"]), int(row["last"]), who, float(row["confidence"]),
        instead, int(row["affected"]),
    )  # fmt: skip


def _examples(
    path: Path, head: crowd.Header, odd: list[int], counts: np.ndarray
) -> tuple[list[Example], str]:
    """Frames spread over the video, then odd ones, apart from each other."""
    spread = [round(head.frames * (2 * k + 1) / (2 * EXAMPLES)) for k in range(EXAMPLES)]
    chosen = list(dict.fromkeys(min(t, head.frames - 1) for t in spread))
    chosen = [_fullest(t, counts, head.frames) for t in chosen]
    few = max(head.frames // 20, 1)
    for t in odd:
        if len(chosen) == 2 * EXAMPLES:
            break
        if all(abs(t - other) >= few for other in chosen):
            chosen.append(t)
    try:
        return _pictures(path, head, chosen, odd), ""
    except InputError as error:
        return [], f"No pictures: {error}"


def _fullest(t: int, counts: np.ndarray, frames: int) -> int:
    """The frame near to t that shows the most animals."""
    low, high = max(t - frames // 12, 0), min(t + frames // 12 + 1, frames)
    near = np.arange(low, high)
    best = near[counts[low:high] == counts[low:high].max()]
    return int(best[np.abs(best - t).argmin()])


def _pictures(
    path: Path, head: crowd.Header, chosen: list[int], odd: list[int]
) -> list[Example]:
    source = footage.find_video(path, head.attrs)
    players = cast.gather(head.skeleton, head.names, movies_many.body(path, head), doubt=DOUBT)
    wanted = {t: next(crowd.frames(path, t, t)) for t in chosen}
    video = open_video(source)
    examples = []
    try:
        footage.check_length(path, head.frames, source, video)
        for t, said in wanted.items():
            try:
                frame = video.read([t])[0]
            except DamagedFrame:
                continue
            found = said.found
            scene = cast.Scene(found.xy, found.confidence, None, said.id, said.sure)
            kind = "" if t not in odd else "doubtful: " if head.names else "unusual: "
            count = len(found.frame)
            text = f"{kind}frame {t}, {count} {'animal' if count == 1 else 'animals'}"
            examples.append(Example(cast.closeup(frame, scene, players), text))
    finally:
        video.close()
    return examples


def _crops(trained: io_run.Trained, held: io_run.Heldout) -> report_many.Crops:
    """Find what the squares around animals cut off, and a frame to show them on."""
    model = trained.model
    many = model.many
    assert many is not None
    side = many.side / model.scale
    labels = _labels(trained)
    if labels is None:
        xy, of = held.truth, "validation labels"
        places = [(str(v), int(f)) for v, f in zip(held.video, held.frame, strict=True)]
    else:
        xy, of = labels.xy, "labels"
        places = [
            (labels.videos[v], int(f)) for v, f in zip(labels.video, labels.frame, strict=True)
        ]
    aim, shrink = trained_many.aim(trained), pixels.resize(model.scale)
    inside = pixels.apply(shrink, xy)  # network pixels, in which the aim is known
    outside = np.abs(crops.offsets(inside, aim)).max(axis=-1) > many.side / 2
    names = model.bones.keypoints
    cut = [
        f"{Path(places[n][0]).name}, frame {places[n][1]}: {names[j]}"
        for n, j in np.argwhere(outside)
    ]
    place = _example(places, outside.any(axis=1))
    rows = [n for n, where in enumerate(places) if where == place]
    here = zip(
        crops.centroid(inside[rows], aim.anchor), crops.turns(inside[rows], aim), strict=True
    )
    squares = np.stack([crops.square(middle, float(many.side), turn) for middle, turn in here])
    squares = pixels.apply(pixels.invert(shrink), squares)
    frame, caption = _frame(*place)
    n_labels = int(np.isfinite(xy).all(axis=-1).sum())
    larger = 16 * -(-5 * many.side // 64)  # a quarter more
    return report_many.Crops(
        side, larger, n_labels, cut, of, frame, squares, xy[rows], outside[rows], caption
    )


def _labels(trained: io_run.Trained) -> Labels | None:
    """The labels that the run was made from, if they are still what they were."""
    origin = store.read_json(trained.folder / "provenance.json")
    path = Path(str(origin.get("labels", "")))
    try:
        labels = regions.settle(io_labels.load(path)).labels
    except InputError:
        return None
    return labels if labels.content_hash() == origin.get("labels_hash") else None


def _example(places: list[tuple[str, int]], cut: np.ndarray) -> tuple[str, int]:
    """The frame that loses most labels; of those that lose none, one with most animals."""
    worth: dict[tuple[str, int], tuple[int, int]] = {}
    for place, lost in zip(places, cut.tolist(), strict=True):
        before = worth.get(place, (0, 0))
        worth[place] = before[0] + int(lost), before[1] + 1
    return max(worth, key=lambda place: worth[place])


def _frame(video: str, number: int) -> tuple[np.ndarray | None, str]:
    """Read a frame, or say why there is none."""
    name = f"{Path(video).name}, frame {number}"
    try:
        film = open_video(video)
        try:
            return film.read([number])[0], name
        finally:
            film.close()
    except (InputError, DamagedFrame) as error:
        return None, f"No picture of {name}: {error}"
