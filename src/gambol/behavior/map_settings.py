"""The settings of a behaviour map."""

from typing import Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from gambol.behavior.regions import RegionSettings
from gambol.behavior.wavelets import Wavelets
from gambol.core.config import Config


class MapSettings(Config):
    """What is mapped and how. Source: Berman et al. (2014), J. R. Soc. Interface 11."""

    wavelets: Wavelets = Wavelets()  # of poses and of features that are no spectrogram yet
    method: Literal["tsne", "umap"] = "tsne"
    # tsne: divergences of spectrograms; umap: Euclidean on √p, faster, local shape coarser
    perplexity: float = Field(default=32.0, gt=1)  # neighbours that count, about
    neighbours: PositiveInt = 200  # that are looked at, of a training or a new frame
    iterations: PositiveInt = 500  # of t-SNE, after 250 with exaggerated affinities
    umap_neighbours: PositiveInt = 15  # n_neighbors of UMAP
    min_dist: NonNegativeFloat = 0.1  # of UMAP: how close frames may lie
    training_frames: PositiveInt = 35_000  # at most
    frames_per_recording: PositiveInt = 10_000  # evenly spaced, that training frames are of
    still: bool = False  # keep frames in which nothing moves off the map, if they are a mode
    epsilon: PositiveFloat = 1e-9  # of the median sum of amplitudes, added to each of them
    components: PositiveInt = 32  # of √p, in which new frames look for candidates
    cells: PositiveInt = 256  # that training frames are sorted into, at most
    probed: PositiveInt = 16  # cells that a new frame looks into
    candidates: PositiveInt = 400  # whose exact divergences it computes
    fitting: PositiveFloat = Field(default=0.995, le=1)
    # quantile of the training frames' misfit above which a frame has no sure place
    regions: RegionSettings = RegionSettings()
    random_state: NonNegativeInt = 0  # the same seed gives the same bits

    @model_validator(mode="after")
    def _enough_neighbours(self) -> "MapSettings":
        """Refuse a perplexity that so few neighbours cannot have."""
        if not self.perplexity < self.neighbours:
            raise ValueError(
                f"perplexity is {self.perplexity:g} of {self.neighbours} neighbours; give more "
                "neighbours than that"
            )
        return self
