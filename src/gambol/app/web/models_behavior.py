"""Messages about behaviour: runs with labels, rasters, clips, decisions, bouts of people."""

from typing import Literal

from pydantic import Field

from gambol.app.web.models_base import Model, Request


class BehaviorRecording(Model):
    """One animal of one recording in a run."""

    name: str
    frames: int
    video: int | None  # of the project; null: its film is not in it
    animal: str = ""  # as the poses call it


class BehaviorRun(Model):
    """An entry of GET /api/behavior: a folder of labels below the project."""

    run: str
    kind: Literal["map", "syllables", "states"]
    title: str  # its folder in short
    place: str  # its folder below the project, with /
    fps: float
    labels: int  # numbers that labels can have
    recordings: list[BehaviorRecording]
    made: float = 0.0  # seconds since 1970
    decisions: int = 0  # of people, in effect
    trouble: str | None = None  # why it cannot be looked at, and what helps


class BehaviorMissing(Model):
    """What has to be run before there is behaviour to see, with the command."""

    stage: str
    title: str
    command: str
    ready: bool  # what it needs is there


class BehaviorOverview(Model):
    """GET /api/behavior."""

    runs: list[BehaviorRun]
    missing: list[BehaviorMissing]


class BehaviorLabel(Model):
    """A label after the decisions of people."""

    id: int
    name: str
    colour: str  # #rrggbb; empty: by its place
    notes: list[str]
    members: list[int]
    excluded: bool
    usage: float  # share of the labelled frames
    bouts: int
    median_s: float | None  # of the bouts; null: too few ended


class BehaviorLabels(Model):
    """GET /api/behavior/{run}/labels: the most used first."""

    run: str
    labels: list[BehaviorLabel]
    order: list[int]  # labels of the rows and columns of `next`
    next: list[list[float]]  # P(next bout is j | this one is i); rows sum to 1, or are all 0
    decisions: int  # that are kept
    end: int  # of these up to the end, which the command line moves
    undo: int = 0  # decisions of mine that I can take back
    redo: int = 0


class BehaviorRaster(Model):
    """GET /api/behavior/{run}/raster?recording&from&to&px: work goes with pixels."""

    recording: str
    first: int
    last: int
    runs: list[tuple[int, int, int]]  # first frame, last frame, label; gaps have none
    exact: bool  # false: each stretch is the label that most of it has
    speed: list[float | None]  # of the animal, by pixel, units of the poses a second


class BehaviorChances(Model):
    """GET /api/behavior/{run}/chances?recording&from&to&px: P(label | all of the recording)."""

    first: int
    last: int
    labels: list[int]  # the likeliest of the stretch; none: the run has no probabilities
    percent: list[list[int]]  # of each label, by pixel


class BehaviorStep(Model):
    """GET /api/behavior/{run}/bout?recording&frame&by: where bouts begin and end."""

    first: int | None  # null: there is no further one
    last: int | None
    label: int | None


class BehaviorClip(Model):
    """A window of one recording, with what turns the animal's head to the right."""

    recording: str
    video: int | None
    first: int
    last: int
    label: int | None
    core: tuple[int, int]  # frames [first, last] of the bout, or the frame that was asked for
    place: list[tuple[float, float, float] | None]  # x, y px, heading rad of every frame


class BehaviorClips(Model):
    """GET /api/behavior/{run}/clips, of a label, near a place, or inside an outline."""

    clips: list[BehaviorClip]
    total: int  # bouts there are of it
    at: int
    side: float  # px of the film that a clip shows
    fps: float


class BehaviorDecision(Request):
    """POST /api/behavior/{run}/decisions: one decision about labels, undo and redo of mine.

    409 `conflict`, and nothing done, where others decided about the same labels since.
    """

    id: str = Field(default="", max_length=64)  # posted again with the same id it happens once
    force: bool = False  # undo: what others decided about these labels since, too
    do: Literal[
        "rename", "merge", "split", "exclude", "include", "colour", "note", "undo", "redo"
    ]
    labels: list[int] = []  # merge: the first stays
    value: str = ""  # name, #rrggbb or text of a note; the name of what is split off
    recording: str = ""  # split: of the clip
    start: int = 0  # split: first frame
    stop: int = 0  # split: one past the last
    label: str | None = None  # variable of the labels; null: the usual one of the run


class ScoredBout(Model):
    """A bout that somebody scored by hand."""

    id: int  # stable among the bouts of its author
    author: str
    recording: str
    label: str
    first: int
    last: int


class Scored(Model):
    """GET /api/bouts: what people scored."""

    bouts: list[ScoredBout]
    authors: list[str]
    labels: list[str]
    undo: int  # steps that I can take back
    redo: int


class BoutEdit(Request):
    """POST /api/bouts: one edit of my own bouts."""

    id: str = Field(default="", max_length=64)  # posted again with the same id it happens once
    do: Literal["add", "remove", "undo", "redo"]
    recording: str = ""
    label: str = ""
    first: int = Field(default=0, ge=-1 << 31, le=1 << 31)
    last: int = Field(default=0, ge=-1 << 31, le=1 << 31)
    bout: int | None = None  # remove: which
    fps: float = Field(default=0.0, ge=0, le=1e6, allow_inf_nan=False)
    frames: int = Field(default=0, ge=0, le=1 << 31)  # of the recording


class Agreement(Model):
    """How far two agree about a behaviour; frames of recordings that both scored."""

    one: str
    other: str
    label: str
    kappa: float | None
    f1: float | None
    frames: int
