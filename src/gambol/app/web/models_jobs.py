"""Messages about jobs: what may be asked of a stage, and what a training shows of itself."""

from typing import Any, Literal

from gambol.app.web.models_base import Model, Request


class Again(Request):
    """POST /api/jobs/{id}/resume: a body is needed only where something shall be mended."""

    fix: Literal["", "memory", "cpu"] = ""  # halve the batch; leave the graphics card


class Preset(Model):
    """Settings that suit a purpose."""

    name: str
    reason: str
    config: dict[str, Any]
    minutes: float | None  # what it takes, at most; null: until nothing is gained


class StageSchema(Model):
    """GET /api/stages/{stage}/schema."""

    stage: str
    title: str
    settings: dict[str, Any]  # JSON schema, `description` in words
    presets: list[Preset]  # the usual one first
    device: str  # what it would run on, in words
    estimate: str  # in words


class Preview(Model):
    """A validation frame of a training; positions are pixels of the picture."""

    picture: str  # address, relative to the page
    video: str | None  # name of the file
    frame: int | None
    width: int
    height: int
    video_px: float = 1.0  # px of the video in one of the picture
    truth: list[tuple[float, float] | None]
    guess: list[tuple[float, float] | None]


class Previews(Model):
    """GET /api/jobs/{id}/previews."""

    step: int  # 0: none yet
    keypoints: list[str]
    edges: list[tuple[int, int]]
    shown: list[Preview]


class Round(Model):
    """One line of the table of rounds."""

    number: int
    run: str
    labels: int
    minutes: float
    p50_px: float | None
    p95_px: float | None
    fixes_per_frame: float | None
    seconds_per_frame: float | None


class RunSize(Model):
    """What a run takes on the disk."""

    id: str
    bytes: int


class Disk(Model):
    """GET /api/disk, and the answer to DELETE /api/trash."""

    free: int  # bytes, where the project lies
    total: int
    trash: int  # of deleted runs that wait
    runs: list[RunSize]  # the largest first


class Sees(Model):
    """GET /api/sees: what a training would choose for the labels as they are."""

    field_px: float  # side of what the network sees around a point, px of the video
    crop_px: tuple[float, float] | None  # learnt from at once, px of the video; null: by animal
    whole: bool  # whole frames
    reasons: list[str]
