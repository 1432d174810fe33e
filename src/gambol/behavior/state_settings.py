"""The settings of the model of states above syllables, also under the names of others."""

import warnings
from typing import Any, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from gambol.core.config import Config

# names that published settings use for the same thing
ALIASES = {"emissions_beta": "emission_beta", "random_seed": "random_state"}
OLD = ("emission_gd_iters", "emission_gd_lr")  # of a step that is exact here, so without use


class StateSettings(Config):
    """What the model is and how it is fitted. Source of the model: Weinreb et al. (2026)."""

    n_states: PositiveInt = Field(default=10, le=255)  # at most; some may stay empty
    n_syllables: PositiveInt | None = None  # null: the largest label of the data, plus 1
    emission: Literal["shared", "dirichlet"] = "shared"
    # shared: every state raises and lowers syllables of one common table of transitions;
    # dirichlet: every state has a table of its own, which takes far more data
    emission_base_sigma: PositiveFloat = 1.0  # sd of the common table's logits
    emission_biases_sigma: PositiveFloat = 1.0  # sd of what a state adds to them
    emission_beta: PositiveFloat = 1.0  # pseudo-counts of every cell of a table, if dirichlet
    trans_beta: PositiveFloat = 1.0  # pseudo-counts of each change of state
    trans_kappa: NonNegativeFloat = 6e5
    # pseudo-counts of staying, a state; what it does depends on the number of frames, so it
    # is no rate that can be carried to data of another size: scan it
    emission_step: Literal["slice", "mh", "laplace"] = "slice"
    # slice, mh: exact; laplace: approximate, to compare with published runs
    init: Literal["usage", "blocks", "uniform", "given"] = "usage"
    # first states: windows grouped by their syllables; drawn a window; drawn a frame; yours
    init_window_s: PositiveFloat = 10.0  # length of those windows
    iterations: PositiveInt = 100  # sweeps
    keep_every: PositiveInt = 10  # sweeps; parameters of these are kept for predictive checks
    history: str | None = (
        None  # recording whose states are shown sweep by sweep; null: the first
    )
    history_from_s: NonNegativeFloat = 0.0  # where in it this begins
    history_s: PositiveFloat = 600.0  # how much of it
    random_state: NonNegativeInt = 0  # the same seed gives the same bits

    @model_validator(mode="before")
    @classmethod
    def _known_names(cls, values: Any) -> Any:
        """Take published names; say once which of them have no use here."""
        if not isinstance(values, dict):
            return values
        for name in OLD:
            if name in values:
                warnings.warn(f"{name} has no use here: the step is exact", stacklevel=2)
        out = {key: value for key, value in values.items() if key not in OLD}
        for other, name in ALIASES.items():
            if other in out:
                default = cls.model_fields[name].default  # what `--set` is laid over
                if out.get(name, default) != default:
                    raise ValueError(f"{other} and {name} are one setting; give one of them")
                out[name] = out.pop(other)
        return out
