"""The settings of syllable models: of series that are given, and of keypoints."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core.config import Config


class DynamicsSettings(Config):
    """Autoregressive dynamics under a sticky hierarchical Dirichlet process.

    Source of the model: Wiltschko et al. (2015), Neuron 88:1121; Fox et al. (2011).
    """

    n_states: PositiveInt = Field(default=100, le=255)  # at most; most stay rare or empty
    lags: PositiveInt = 3  # frames that a step looks back
    gamma: PositiveFloat = 1e3  # how even the states are used over all
    alpha: PositiveFloat = 5.7  # pseudo-counts of leaving, a state
    kappa: PositiveFloat | Literal["auto"] = "auto"
    # pseudo-counts of staying, a state; auto: found so that bouts last as long as the target
    target_duration_s: PositiveFloat = 0.4  # median of complete bouts, as published for rodents
    step_scale: PositiveFloat = 0.01  # of the prior of step covariances, S0 = scale · I
    step_dof: PositiveFloat = 2.0  # its degrees of freedom less the number of dimensions
    coefficient_precision: PositiveFloat = 0.1  # of the prior of coefficients, by column
    search_sweeps: PositiveInt = 20  # for each stickiness that is tried
    search_tries: PositiveInt = 10  # after which the nearest is taken
    ar_iterations: NonNegativeInt = 50  # sweeps on given series, or on first latents
    random_state: NonNegativeInt = 0  # the same seed gives the same bits


class SyllableSettings(DynamicsSettings):
    """Keypoints with noise, heading and place above such dynamics.

    Source of the model: Weinreb et al. (2024), Nat. Methods 21:1329.
    """

    anterior: tuple[str, ...] = ()
    # keypoints at the front; empty: as poses were aligned, or guessed from their names
    posterior: tuple[str, ...] = ()  # keypoints at the back, likewise
    up: Literal["x", "y", "z"] = "z"  # the axis that headings turn about, in 3D
    n_dims: PositiveInt | None = None  # of the latents; null: by the variance they explain
    variance: float = Field(default=0.9, gt=0.0, le=1.0)  # that latents explain at least
    iterations: NonNegativeInt = 200  # sweeps of the whole model; 500 for publication
    warm_sweeps: NonNegativeInt = 100
    # of the whole model before the stickiness is searched for once more; 0: it is not
    noise_dof: PositiveFloat = 5.0  # of the noise of single observations
    share_mean: PositiveFloat = 0.1
    # σ0²: factor on the noise that is foretold; below 1, for latents that follow the keypoints
    # closely have steadier labels
    share_dof: PositiveFloat = 1e5  # of each keypoint's own factor, if it is drawn
    draw_shares: bool = False  # each keypoint gets a factor of its own
    noise_slope: float = -0.5  # m: log10 sd = m log10(confidence) + c, until calibrated
    noise_level: float = 0.25  # c: log10 of the sd at full confidence, in units of the poses
    gap_s: PositiveFloat = 1.0  # without any keypoint for longer, a recording is split
