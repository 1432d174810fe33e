"""Messages about identities: doubtful crossings, decisions and the timeline."""

from typing import Literal

from gambol.app.web.models_base import Model, Request


class Crossing(Model):
    """An entry of the queue of doubtful identities; fields of `stages.events`."""

    item: str  # stable name of it in this run
    kind: str
    first: int
    last: int
    animals: list[str]
    instead: list[str]
    confidence: float  # P(right)
    affected: int  # frames that hang on it
    seconds: float
    clip: tuple[int, int]
    verdict: Literal["right", "swapped", "unsure"] | None = None


class Queue(Model):
    """GET /api/runs/{run}/crossings."""

    run: str
    video: int | None
    names: list[str]
    left: float  # expected swaps among those not reviewed
    crossings: list[Crossing]
    edits: int  # in the log of the tracks
    bands: list[tuple[float, float, int, int]]  # confidence from, to, reviewed, right
    frames: int = 0  # of the whole recording


class TrackEdit(Request):
    """POST /api/runs/{run}/edits: one decision, in the words of `gambol review`."""

    id: str
    do: Literal[
        "swap", "confirm", "unsure", "assign", "cut", "join", "delete", "undo", "redo", "pin",
        "rename", "interpolate", "leave",
    ]  # fmt: skip
    animals: list[str] = []
    frame: int | None = None
    last: int | None = None
    x: float | None = None
    y: float | None = None
    item: str | None = None  # the crossing that is decided
    row: int | None = None  # the detection that is meant, of a fragment
    name: str | None = None  # of `rename`


class TrackEdited(Model):
    """What POST /api/runs/{run}/edits answers: which frames are not as they were."""

    seq: int
    action: str
    first: int
    last: int


class TrackedRun(Model):
    """An entry of GET /api/runs: the tracks of one video."""

    run: str
    video: int | None  # of the project; null: its film is not in it
    title: str
    job: str | None  # name of the folder in runs/ that holds it
    names: list[str]
    frames: int
    fps: float
    trouble: str | None = None  # why it cannot be looked at, and what helps
    unwritten: str | None = None  # why the track file does not say what was decided


class Doubt(Model):
    """GET /api/runs/{run}/next?after: where an animal is away or somebody is nobody."""

    frame: int | None  # null: nowhere after that
    animal: str | None = None  # who is away; null: a fragment begins
    row: int | None = None  # of the fragment


class Span(Model):
    """A stretch of one animal on the timeline: [first, last, mean confidence]."""

    name: str
    spans: list[tuple[int, int, float]]


class Timeline(Model):
    """GET /api/runs/{run}/timeline?from&to&px: work goes with pixels, not with frames."""

    first: int
    last: int
    animals: list[Span]
    # fragments without identity: first, last, how many on average, rounded up
    loose: list[tuple[int, int, int]]
    crossings: list[tuple[int, str]]  # frame, item
    pins: list[int]
    reviewed: list[int] = []  # frames of crossings that somebody settled
    edits: list[int] = []  # frames at which somebody changed identities
    frames: int = 0  # of the whole recording
    # gaps that a line bridges: place of the animal, first, last
    bridged: list[tuple[int, int, int]] = []
    ready: bool = True  # false: it is being opened for the first time; ask again soon
