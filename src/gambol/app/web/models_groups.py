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


class AnimalsEdit(Request):
    """POST /api/behavior/{run}/animals."""

    columns: list[str] = Field(max_length=20)
    rows: list[list[str]] = Field(max_length=20_000)


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
    p: float | None  # of all groups, animals permuted
    q: float | None  # after Benjamini and Hochberg
    different: bool


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
    proposals: list[Following]


class FollowEdit(Request):
    """POST /api/behavior/{run}/follow: which proposals are taken."""

    source: str
    chosen: list[int] = Field(min_length=1, max_length=10_000)
    proposals: int  # that were shown
