"""Settings of movies of syllables, map regions and behaviours."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from gambol.behavior.trajectories import TrajectorySettings
from gambol.core.config import Config
from gambol.viz.grid_movie import Follow
from gambol.viz.pose_tiles import View


class SyllableMovieConfig(Config):
    """Settings of the stage."""

    fps: float | None = Field(default=None, gt=0)  # of the labels, where files do not say it
    label: str = "syllable"  # column, dataset or variable of the labels; region of a map
    labels: tuple[NonNegativeInt | str, ...] | None = None  # that are filmed; null: all in use
    kinds: tuple[Literal["grid", "crowd", "trajectory"], ...] = ("grid", "crowd", "trajectory")
    # of movies
    rows: PositiveInt = 4  # of tiles
    columns: PositiveInt = 6  # of tiles
    size: int = Field(default=192, ge=64, le=1024)  # px of a tile
    crop: PositiveFloat | None = None
    # px of the video (units of the poses) that a tile shows; null: as many as hold the animals
    # most of the time, or `size` where there are no poses
    min_s: NonNegativeFloat = 0.1  # shorter bouts are over before one sees them
    min_usage: float | None = Field(default=None, ge=0, lt=1)
    # share of labelled frames that a label needs; null: 0.005, of an ethogram 0
    before_s: NonNegativeFloat = 1.0  # shown before the onset
    after_s: PositiveFloat = 2.0  # shown after the onset
    choice: Literal["lot", "longest", "typical"] = "lot"
    # which bouts: by lot and spread over recordings, the longest, or those of which the model
    # is surest (of a map: those nearest to the peak of the region)
    picture: Literal["auto", "video", "overlay", "poses"] = "auto"
    # auto: overlay (the video with the skeleton) where there are both, else what there is
    follow: Follow = "onset"
    # onset: tiles stay where the animal was and headed at the onset, so one sees where it goes;
    # always: they go and turn with it
    turned: bool = True  # whether the animal looks to the right, as far as its heading is known
    anterior: tuple[str, ...] = ()  # keypoints of the head, where no file has the heading
    posterior: tuple[str, ...] = ()  # keypoints of the rear, likewise
    others: bool = True  # whether other animals of the recording are drawn, in grey
    min_confidence: float = Field(default=0.2, ge=0, le=1)  # of keypoints that are drawn
    up: Literal["x", "y", "z", "-x", "-y", "-z"] | None = None
    # axis of 3D poses that points up; null: as they say, else z
    views: tuple[View, ...] = Field(default=("side", "above"), min_length=1)
    # from where 3D poses are seen: side, above, front, oblique
    orbit: float = 0.0  # degrees a second that the eye goes round 3D poses
    crowd: PositiveInt = 40  # instances of a crowd movie, at most
    crowd_size: int = Field(default=480, ge=64, le=2048)  # px of a crowd movie
    trajectory: TrajectorySettings = TrajectorySettings()
    slow: PositiveFloat = 0.2  # speed of trajectories
    dim: float = Field(default=0.25, ge=0, le=1)
    # brightness of tiles whose bout is over; of skeletons alone, dark already, its root
    frames: int = Field(default=1200, ge=1, le=1200)  # of a movie, at most
    rate: PositiveFloat | None = None
    # frames a second of the movies; null: that of the labels, or the fraction (a half, a third,
    # …) of it that is 30 or less
    speed: PositiveFloat = 1.0  # of grids and crowds; 0.5 is slow motion
    seed: NonNegativeInt = 0  # of the choice of instances
