"""Messages about 3D: rigs, runs, views, points, decisions and the health of cameras."""

from typing import Literal

from pydantic import Field, FiniteFloat

from gambol.app.web.models_base import Model, Request

Triple = tuple[float, float, float]
Pair = tuple[float, float]


class RigFile(Model):
    """A calibration that lies in the project."""

    rig: str  # its name in addresses
    title: str  # path, relative to the project
    cameras: list[str]
    units: str
    trouble: str | None = None  # why it cannot be used


class ViewOf(Model):
    """One camera of a 3D run: its film, and which of its frames belongs to a moment.

    Moment i is frame i + lag + drift · i of the film as it would be without loss. Before frame
    f of a drop (f, n) the film lost n frames; before moment i of a skip (i, n) the clock did.
    """

    camera: str
    video: int | None  # of the project
    lag: float  # frames by which the view is late
    drift: float  # frames a frame
    drops: list[tuple[int, int]]
    skips: list[tuple[int, int]]
    stale: bool = False  # people have set another offset since the run was made


class Space3d(Model):
    """A file of 3D poses."""

    run: str
    rig: str  # in addresses; the cameras as they were when the run was made
    title: str
    individuals: list[str]
    keypoints: list[str]
    edges: list[tuple[int, int]]
    swap: list[int]  # -1: none
    frames: int
    fps: float
    units: str
    up: Triple
    views: list[ViewOf]
    decisions: int  # that people took
    trouble: str | None = None  # why some of it cannot be shown


class FilmClock(Request):
    """Which frame of a film belongs to a moment, as in `ViewOf`."""

    video: int
    lag: FiniteFloat
    drift: FiniteFloat = 0.0
    drops: list[tuple[int, int]] = []
    skips: list[tuple[int, int]] = []


class Space(Model):
    """GET /api/space."""

    rigs: list[RigFile]
    runs: list[Space3d]
    clocks: list[FilmClock]  # of the films for which people set one


class SetClock(Request):
    """POST /api/space/clock: set offsets of films, as one edit."""

    id: str = Field(min_length=1, max_length=64)
    films: list[FilmClock] = Field(min_length=1, max_length=64)
    source: str = Field(default="", max_length=100)  # the run that found them; empty: by hand


class BringRig(Request):
    """POST /api/rigs: a calibration of any program: a file, a folder, or a file a camera."""

    files: list[str] = Field(min_length=1, max_length=64)  # their ids


class CameraOf(Model):
    """A camera; `row`: the 24 numbers of `kernels.projection`, 1e300 for infinity."""

    name: str
    kind: Literal["pinhole", "fisheye", "affine"]
    size: tuple[int, int] | None
    row: list[float]
    centre: Triple | None  # of an affine one there is none
    axes: list[Triple]  # right, down, forward
    flip: bool


class Cameras(Model):
    """GET /api/rigs/{rig}/cameras."""

    rig: str
    units: str
    up: Triple
    cameras: list[CameraOf]


class PointIn(Request):
    """POST /api/rigs/{rig}/epipolar: a place in one view."""

    camera: str
    x: float
    y: float
    near: Triple | None = None  # what is looked at; the curve is drawn around it


class Curve2d(Model):
    """Where a point of one view may lie in another; a part of it lies outside of the image."""

    camera: str
    parts: list[list[Pair]]  # polylines, px


class Curves(Model):
    """What POST /api/rigs/{rig}/epipolar answers."""

    camera: str
    curves: list[Curve2d]


class Observed(Request):
    """One view's word about a point."""

    camera: str
    x: float
    y: float
    weight: float = 1.0
    sure: bool = False  # a person placed it


class ToTriangulate(Request):
    """POST /api/rigs/{rig}/triangulate."""

    points: list[Observed]
    robust: bool = True  # leave out views that disagree


class Solution(Model):
    """A point of space and what every camera would see of it; null where it has no image."""

    xyz: Triple | None
    covariance: list[float] | None  # xx xy xz yy yz zz
    used: list[str]  # cameras that agree on it
    image: dict[str, Pair | None]
    residual: dict[str, float | None]  # px, of the views that said something


class Decide(Request):
    """POST /api/runs3d/{run}/decisions: what a person says of one point at one moment."""

    id: str
    do: Literal["leave", "bring", "move", "accept"]
    frame: int
    animal: int  # number among the run's individuals
    keypoint: int
    camera: str | None = None  # of leave, bring, move
    x: float | None = None
    y: float | None = None


class Decided(Model):
    """What POST /api/runs3d/{run}/decisions answers."""

    seq: int
    frame: int
    action: str


class Worst(Model):
    """An entry of the queue: an observation beyond the 95th percentile of its camera."""

    frame: int
    animal: int
    keypoint: int
    camera: str
    error: float  # px
    ratio: float  # over the camera's 95th percentile
    accepted: bool = False


class WorstQueue(Model):
    """GET /api/runs3d/{run}/worst: the largest ratio first."""

    p95: dict[str, float]
    open: int  # entries that nobody has accepted
    entries: list[Worst]


class CameraHealth(Model):
    """One camera of a run."""

    camera: str
    rms: float | None  # px, of observations that were used
    p95: float | None
    points: int
    coverage: float  # share of an 8 × 8 grid over the image in which it has seen points
    left_out: float  # share of its observations that are outliers


class PairHealth(Model):
    """Two cameras: how far their observations are from one another's epipolar lines."""

    cameras: tuple[str, str]
    rms: float | None  # px
    points: int
    baseline: float | None  # world units
    angle: float  # degrees between their directions of view


class RigFinding(Model):
    """Something that cannot be right."""

    check: str
    cameras: list[str]
    sentence: str


class BroughtRig(Model):
    """What POST /api/rigs answers."""

    rig: str
    title: str
    cameras: list[str]
    units: str
    findings: list[RigFinding]  # what cannot be right
    remarks: list[str]  # about how it was read


class Health(Model):
    """GET /api/runs3d/{run}/health."""

    units: str
    cameras: list[CameraHealth]
    pairs: list[PairHealth]
    findings: list[RigFinding]
    frames: int  # that were looked at
