"""What the page and the server say to each other: every JSON body, in one place.

`web/src/types.gen.ts` is made from these models (`python -m gambol.app.web.typescript`), and a
test keeps it current. Rows travel as they stand in the log of the project: a table, the key of
the row, and its value, null where there is none.
"""

from typing import Any, Literal

from pydantic import Field

from gambol.app.web.models_base import Model as Model
from gambol.app.web.models_base import Request as Request
from gambol.app.web.models_behavior import Agreement as Agreement
from gambol.app.web.models_behavior import BehaviorChances as BehaviorChances
from gambol.app.web.models_behavior import BehaviorClip as BehaviorClip
from gambol.app.web.models_behavior import BehaviorClips as BehaviorClips
from gambol.app.web.models_behavior import BehaviorDecision as BehaviorDecision
from gambol.app.web.models_behavior import BehaviorLabel as BehaviorLabel
from gambol.app.web.models_behavior import BehaviorLabels as BehaviorLabels
from gambol.app.web.models_behavior import BehaviorMissing as BehaviorMissing
from gambol.app.web.models_behavior import BehaviorOverview as BehaviorOverview
from gambol.app.web.models_behavior import BehaviorRaster as BehaviorRaster
from gambol.app.web.models_behavior import BehaviorRecording as BehaviorRecording
from gambol.app.web.models_behavior import BehaviorRun as BehaviorRun
from gambol.app.web.models_behavior import BehaviorStep as BehaviorStep
from gambol.app.web.models_behavior import BoutEdit as BoutEdit
from gambol.app.web.models_behavior import Scored as Scored
from gambol.app.web.models_behavior import ScoredBout as ScoredBout
from gambol.app.web.models_files import Entry as Entry
from gambol.app.web.models_files import Link as Link
from gambol.app.web.models_files import LinkStart as LinkStart
from gambol.app.web.models_files import Listing as Listing
from gambol.app.web.models_files import NewProject as NewProject
from gambol.app.web.models_files import ReportPage as ReportPage
from gambol.app.web.models_files import Transfer as Transfer
from gambol.app.web.models_files import Transferred as Transferred
from gambol.app.web.models_files import Upload as Upload
from gambol.app.web.models_files import UploadStart as UploadStart
from gambol.app.web.models_groups import Animals as Animals
from gambol.app.web.models_groups import AnimalsCell as AnimalsCell
from gambol.app.web.models_groups import AnimalsEdit as AnimalsEdit
from gambol.app.web.models_groups import Comparison as Comparison
from gambol.app.web.models_groups import Followed as Followed
from gambol.app.web.models_groups import FollowEdit as FollowEdit
from gambol.app.web.models_groups import Following as Following
from gambol.app.web.models_groups import GroupDifference as GroupDifference
from gambol.app.web.models_jobs import Again as Again
from gambol.app.web.models_jobs import Disk as Disk
from gambol.app.web.models_jobs import Preset as Preset
from gambol.app.web.models_jobs import Preview as Preview
from gambol.app.web.models_jobs import Previews as Previews
from gambol.app.web.models_jobs import Round as Round
from gambol.app.web.models_jobs import RunSize as RunSize
from gambol.app.web.models_jobs import Sees as Sees
from gambol.app.web.models_jobs import StageSchema as StageSchema
from gambol.app.web.models_people import Look as Look
from gambol.app.web.models_people import Named as Named
from gambol.app.web.models_people import Naming as Naming
from gambol.app.web.models_people import Person as Person
from gambol.app.web.models_space import BringRig as BringRig
from gambol.app.web.models_space import BroughtRig as BroughtRig
from gambol.app.web.models_space import CameraHealth as CameraHealth
from gambol.app.web.models_space import CameraOf as CameraOf
from gambol.app.web.models_space import Cameras as Cameras
from gambol.app.web.models_space import Curve2d as Curve2d
from gambol.app.web.models_space import Curves as Curves
from gambol.app.web.models_space import Decide as Decide
from gambol.app.web.models_space import Decided as Decided
from gambol.app.web.models_space import FilmClock as FilmClock
from gambol.app.web.models_space import Health as Health
from gambol.app.web.models_space import Observed as Observed
from gambol.app.web.models_space import PairHealth as PairHealth
from gambol.app.web.models_space import PointIn as PointIn
from gambol.app.web.models_space import RigFile as RigFile
from gambol.app.web.models_space import RigFinding as RigFinding
from gambol.app.web.models_space import SetClock as SetClock
from gambol.app.web.models_space import Solution as Solution
from gambol.app.web.models_space import Space as Space
from gambol.app.web.models_space import Space3d as Space3d
from gambol.app.web.models_space import ToTriangulate as ToTriangulate
from gambol.app.web.models_space import ViewOf as ViewOf
from gambol.app.web.models_space import Worst as Worst
from gambol.app.web.models_space import WorstQueue as WorstQueue
from gambol.app.web.models_tracks import Crossing as Crossing
from gambol.app.web.models_tracks import Doubt as Doubt
from gambol.app.web.models_tracks import Queue as Queue
from gambol.app.web.models_tracks import Span as Span
from gambol.app.web.models_tracks import Timeline as Timeline
from gambol.app.web.models_tracks import TrackEdit as TrackEdit
from gambol.app.web.models_tracks import TrackEdited as TrackEdited
from gambol.app.web.models_tracks import TrackedRun as TrackedRun

Scalar = int | float | str | None


class Problem(Model):
    """The body of every answer that is not a success."""

    code: str  # a word for programs: conflict, input, unauthorized, busy, read-only …
    message: str  # one sentence for people
    hint: str = ""  # what to do about it
    theirs: list["Theirs"] = []  # of a conflict: what stands there now


class Theirs(Model):
    """A row that somebody else changed since the page saw it."""

    table: str
    key: list[int]
    value: Any  # as in `Change.value`
    by: str
    at: str  # UTC, ISO 8601
    seq: int


class Skeleton(Model):
    """`core.skeleton.Skeleton`, as it stands in the project."""

    name: str = "animal"
    keypoints: list[str]
    parent: list[int]  # -1: root
    swap: list[int]  # -1: none
    edges: list[tuple[int, int]] = []


class Video(Model):
    """A video of the project."""

    id: int
    name: str  # the file's own name
    path: str  # relative to the project
    fingerprint: str  # in the address of its frames
    width: int
    height: int
    frames: int
    fps: float
    found: bool
    trouble: str | None = None  # why it cannot be shown
    marks: "Counts"


class Counts(Model):
    """How far the labelling of a video is."""

    labelled: int  # frames with animals
    done: int  # of them, finished
    flagged: int


class KeypointCounts(Model):
    """States of one keypoint over the labels of the project."""

    visible: int
    occluded: int
    absent: int
    unset: int  # in animals that have labels
    p50_px: float | None = None  # held-out error of the newest finished training
    p95_px: float | None = None


class Individual(Model):
    """An animal that has a name."""

    id: int
    name: str


class Project(Model):
    """GET /api/project."""

    id: str  # the same wherever the folder lies; "" while it is no project
    name: str
    folder: str
    gambol: str
    seq: int  # of the newest edit
    at: str  # when that was made
    role: Literal["edit", "read"]
    journal: str  # "" or why the database is slower or read-only here, for the status line
    user: str  # who edits, unless the page says another name
    guest: bool  # that is a number and no name: the page asks for one
    skeleton: Skeleton | None  # null: the folder is no project yet
    videos: list[Video]
    individuals: list[Individual]
    keypoints: list[KeypointCounts]
    suggestions: list["Suggestion"]


class Suggestion(Model):
    """A frame worth labelling."""

    video: int
    frame: int
    reason: str
    score: float | None = None
    rank: int
    done: bool = False
    holder: str | None = None  # who has it open


class Held(Model):
    """POST /api/suggestions/{video}/{frame}/hold, and /suggestions/next: it is theirs now."""

    video: int
    frame: int
    holder: str
    seconds: float  # until somebody else may have it


class Point(Model):
    """A keypoint as it travels: [keypoint, x, y, state]; no entry, unset."""

    keypoint: int
    x: float | None
    y: float | None
    state: int  # 0 absent, 1 covered, 2 visible


class InstanceValue(Model):
    """The row of one animal in one frame; key [video, frame, animal], animal < 0: no name."""

    origin: int  # 0 a person, 1 a model, 2 a model's, accepted or mended by a person
    points: list[tuple[int, float | None, float | None, int]]  # fields of `Point`


class FrameValue(Model):
    """What is said of a frame as a whole; key [video, frame]."""

    complete: int | None  # null nothing, 0 animals are missing, 1 done, 2 being worked on
    flag: int = 0  # 1 look again, 2 a bad picture: neither suggested nor trained
    note: str = ""


class IndividualValue(Model):
    """The row of an animal that has a name; key [number]. A name is given once."""

    name: str


class SuggestionValue(Model):
    """The row of a suggested frame; key [video, frame]."""

    reason: str
    score: float | None
    rank: int
    done: int  # 0 or 1


class RegionValue(Model):
    """The row of a polygon that is looked away from; key [number]."""

    video: int
    frame: int  # -1: in all frames
    polygon: list[tuple[float, float]]  # video pixels


class SkeletonChange(Model):
    """What is said of the skeleton to remove or reorder keypoints; key [1].

    The server rewrites the points of all animals in the same edit. To rename, or to append,
    a plain `Skeleton` is the value. In the log, and as `saw`, it is always a `Skeleton`.
    """

    skeleton: Skeleton
    order: list[int]  # old place of every keypoint, -1: new


class PredictedAnimal(Model):
    """What a network saw."""

    animal: int | None  # individual of the project, where the name is known
    name: str
    score: float
    points: list[tuple[float | None, float | None, float]]  # x, y, P(right), every keypoint
    covariance: list[tuple[float, float, float]] | None = None  # xx, xy, yy, px²


class Prediction(Model):
    """The newest prediction of one frame."""

    run: str
    animals: list[PredictedAnimal]


class Frame(Model):
    """GET /api/frames/{video}/{frame}."""

    video: int
    frame: int
    seq: int
    time_s: float
    frame_row: FrameValue | None
    instances: list[tuple[int, InstanceValue]]  # animal, value
    prediction: Prediction | None


class VideoChange(Request):
    """PATCH /api/videos/{video}: where its file is now, and POST /api/videos: a new one."""

    file: str  # id of an entry of /api/files, or of an upload


class Added(Model):
    """What POST and PATCH /api/videos answer; `job` reads the whole file where it must be."""

    video: Video
    job: str | None = None


class Marks(Model):
    """GET /api/frames?video: labelled or spoken-of frames, sorted."""

    video: int
    seq: int
    frame: list[int]
    animals: list[int]
    complete: list[int]  # as in `FrameValue`; -1: nothing said
    flag: list[int]


class Change(Model):
    """One row as it was seen and as it shall be."""

    table: Literal["instances", "frames", "individuals", "suggestions", "skeleton", "regions"]
    key: list[int]
    saw: Any  # value before, null: no row
    value: Any  # value after, null: remove the row


class Edit(Request):
    """One step of undo; posted again with the same id it happens once."""

    id: str = Field(min_length=8, max_length=64)  # a UUID of the page
    action: str = Field(min_length=1, max_length=80)  # in words: "place left ear"
    changes: list[Change] = Field(min_length=1)


class Edits(Request):
    """POST /api/edits: in this order; the first that fails ends the rest."""

    edits: list[Edit] = Field(min_length=1, max_length=1000)
    force: bool = False  # "keep mine" after a conflict


class Applied(Model):
    """What the log says now. `done` are ids that are safe on the disk."""

    seq: int
    done: list[str]
    problem: Problem | None = None  # of the first edit that was not applied


class Steps(Request):
    """POST /api/undo, /api/redo."""

    id: str  # a UUID of the page
    n: int = Field(default=1, ge=1, le=1000)
    force: bool = False  # undo what others have changed since, too


class Stepped(Model):
    """What was undone or redone, the latest first, and where, so that the page can go there."""

    seq: int
    actions: list[str]
    video: int | None = None
    frame: int | None = None


class LogLine(Model):
    """GET /api/history?before&n: the newest first."""

    seq: int
    at: str
    by: str
    action: str
    target: int | None
    places: list[tuple[int, int]]  # (video, frame) that it touched, at most 20
    rows: int
    standing: bool  # not undone


class Restore(Request):
    """POST /api/restore: one frame as it was after an edit; it is an edit, too."""

    id: str
    video: int
    frame: int
    seq: int


State = Literal["queued", "running", "stopping", "done", "failed", "cancelled", "lost"]


class JobStart(Request):
    """POST /api/jobs: `key` makes a repeated click harmless."""

    key: str
    stage: str  # suggest, train, predict, track, import, index, demo …
    config: dict[str, Any] = {}
    inputs: dict[str, Any] = {}


class Job(Model):
    """One run of a stage in a process of its own."""

    id: str  # name of its folder in runs/
    stage: str
    title: str  # for people
    state: State
    by: str
    created: str  # UTC, ISO 8601
    started: str | None
    ended: str | None
    done: int  # steps
    total: int
    item: str
    seconds_left: float | None
    result: dict[str, Any] | None
    problem: Problem | None
    config: dict[str, Any]
    inputs: dict[str, Any]


class Curve(Model):
    """GET /api/jobs/{id}/curve: evaluations of a training, oldest first."""

    step: list[int]
    seconds: list[float]
    train: list[float | None]
    val_px: list[float | None]
    p95_px: list[float | None]


class Message(Model):
    """What the feed sends: an edit, a job, who is here, news of track files, or a ping."""

    type: Literal["edit", "job", "presence", "reload", "tracks", "ping"]
    seq: int | None = None
    id: str | None = None
    by: str | None = None
    at: str | None = None
    action: str | None = None
    changes: list[tuple[str, list[int], Any]] = []  # table, key, value
    job: Job | None = None  # null: the job `id` was deleted
    people: list[Person] = []
