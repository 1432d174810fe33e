"""Messages about groups of animals, and decisions that follow a refitted model."""

from typing import Literal

from pydantic import Field

from gambol.app.web.models_base import Model, Request

What = Literal["usage", "durations", "transitions"]


class Animals(Model):
    """GET /api/behavior/{run}/animals: whose recordings are, from animals.csv."""

    columns: list[str]  # recording, animal, then columns that tell groups apart
    rows: list[list[str]]  # a row a recording of the run
    factors: list[str]  # columns with two groups or more


class AnimalsCell(Model):
    """A cell of animals.csv that somebody changes."""

    recording: str = Field(max_length=1000)
    column: str = Field(max_length=80)
    saw: str  # what stood there on the page
    value: str


class AnimalsEdit(Request):
    """POST /api/behavior/{run}/animals: cells that changed; all others stay as they are.

    409 `conflict`, and nothing done, where another word than the one that was seen stands.
    """

    id: str = Field(default="", max_length=64)  # posted again with the same id it happens once
    force: bool = False  # also over what others wrote since
    columns: list[str] = Field(default=[], max_length=20)  # new ones, put at the end
    cells: list[AnimalsCell] = Field(default=[], max_length=20_000)


class GroupDifference(Model):
    """How two groups differ in one measure; null: not known."""

    label: str
    one: str
    other: str
    mean_one: float | None
    mean_other: float | None
    difference: float | None  # other - one
    low: float | None  # of the 95 % interval, animals resampled
    high: float | None
    p: float | None
    # animals permuted; of more than two groups: of these two, null where all together do not
    # differ
    q: float | None  # p after Benjamini and Hochberg
    different: bool  # these two


class Comparison(Model):
    """GET /api/behavior/{run}/groups?factor&what."""

    factor: str
    what: What
    unit: str
    animals: dict[str, int]  # in each group
    rows: list[GroupDifference]  # those that differ first
    smallest_p: float
    notes: list[str]


class Following(Model):
    """A decision about another model, as it would be about this one; null: there is none."""

    kind: str | None
    labels: list[int]
    value: str
    overlap: float  # intersection over union of frames
    good: bool
    said: str


class Followed(Model):
    """GET /api/behavior/{run}/follow?from: what somebody may approve."""

    source: str
    seen: str  # names the proposals as they are now
    proposals: list[Following]


class FollowEdit(Request):
    """POST /api/behavior/{run}/follow: which proposals are taken; 409 where they are others."""

    id: str = Field(default="", max_length=64)  # posted again with the same id it happens once
    source: str
    chosen: list[int] = Field(min_length=1, max_length=10_000)
    seen: str = Field(max_length=64)  # `Followed.seen`, of what was shown
