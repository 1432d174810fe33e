"""Settings of the classifier that learns behaviours from people, and the splits it allows."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from gambol.core.config import Config

SHORT = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)  # s; of gaps and of bouts that may be too short


class ClassifierSettings(Config):
    """How behaviours are learned, validated and made bouts."""

    model: Literal["each", "one"] = "each"
    # each: a model for every behaviour, and frames may have several; one: one model of all
    # behaviours, of which a frame has one at most
    around_s: tuple[PositiveFloat, ...] = ()
    # every frame also has the features of so long before and after it, which tells where bouts
    # begin and end; such as [0.2, 0.4, 0.6]
    rounds: PositiveInt = 120  # trees of a model
    learning_rate: PositiveFloat = 0.07  # share of each tree that is added
    leaves: int = Field(default=7, ge=2)  # of a tree; small ones, as bouts are few
    leaf_frames: PositiveInt = 30  # fewest training frames in a leaf
    bins: int = Field(default=64, ge=2, le=255)  # of a feature, between which trees split
    l2: NonNegativeFloat = 1.0  # pull of the leaves towards 0
    column_share: float = Field(default=0.3, gt=0, le=1)  # of the features, at every split
    members: PositiveInt = 3  # models of other seeds whose probabilities are averaged
    every: PositiveInt = 3
    # of so many frames a model sees one, as neighbours say nearly the same; members begin at
    # other frames
    folds: int = Field(default=5, ge=2)  # of the validation, or recordings if these are fewer
    gap_s: NonNegativeFloat | None = None
    # between what is tested and what trains, in blocks of one recording; null: all that a
    # feature looks at (window, derivative and smoothing); less than the longest window is
    # refused
    filter: Literal["bouts", "chain", "none"] = "bouts"
    # bouts: fill short gaps, then drop short bouts; chain: two states that like to stay
    fill_s: tuple[NonNegativeFloat, ...] = Field(
        default=(0.0, 0.1, 0.2, 0.5, 1.0), min_length=1
    )
    # gaps shorter than this are filled; chosen among these in training folds
    drop_s: tuple[NonNegativeFloat, ...] = Field(
        default=(0.0, 0.1, 0.2, 0.5, 1.0), min_length=1
    )
    # then bouts shorter than this are dropped; chosen likewise
    trust: tuple[PositiveFloat, ...] = Field(default=(0.02, 0.05, 0.1, 0.3, 1.0), min_length=1)
    # weight of a frame's evidence in the chain, as frames are no independent witnesses;
    # chosen likewise
    calibrate: bool = True  # probabilities by isotonic regression on frames that did not train
    overlap: float = Field(default=0.5, gt=0, le=1)
    # intersection over union from which two bouts are the same
    resamples: PositiveInt = 2000  # of recordings, for intervals
    importance_repeats: PositiveInt = 3  # permutations of a family of features
    importance_frames: PositiveInt = 20_000  # of a fold, at most, that are permuted
    random_state: int = 0  # seed

    @model_validator(mode="after")
    def _ascending(self) -> "ClassifierSettings":
        for name in ("fill_s", "drop_s", "trust"):
            values = getattr(self, name)
            if list(values) != sorted(set(values)):
                raise ValueError(f"{name} has to rise, not {list(values)}")
        return self
