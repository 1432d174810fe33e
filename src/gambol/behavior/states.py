"""States that last seconds above syllables that last moments, in the manner of scikit-learn.

A hierarchical hidden Markov model: each state has a table of how likely one syllable follows
another. Source: Weinreb et al. (2026), Neuron 114:922. The sampling is in `gibbs`; this is what
a notebook holds: settings, `fit`, and what a fitted model says of recordings.
"""

import json
import math
from typing import Any, Literal

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int, UInt8

from gambol.behavior import chain_data, diagnose, gibbs, initial, jobs
from gambol.behavior.gibbs import Chain, Data, Inner, Kept, Parameters
from gambol.behavior.state_settings import StateSettings
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences, pack, recording, resized
from gambol.kernels import markov, state_paths, streams

Labels = dict[str, xr.DataArray]  # by recording


class StateModel:
    """Hierarchical states of syllable sequences.

    Args:
        settings: those of `StateSettings`, by name; also `random_seed`, `emissions_beta` and
            the other names of published settings.

    After `fit`: `parameters_` of the sweep with the highest log probability, `last_` of the
    last one, `kept_`, `trace_ (sweep, 4)` in nats, `log_probability_ (sweep)`, `sample_`: the
    states of the last sweep by recording, `converged_`, `n_syllables_`, `fps_`.
    """

    settings: StateSettings
    n_jobs: int
    parameters_: Parameters
    kept_: tuple[Kept, ...]
    last_: Kept
    trace_: Float[np.ndarray, "I 4"]
    blocks_: Float[np.ndarray, "I 5"]
    history_: UInt8[np.ndarray, "I H"]
    inner_: Inner
    sweep_: int
    sample_: Labels
    fps_: float

    def __init__(self, **settings: Any):
        self.n_jobs = jobs.taken(settings, "StateModel")
        self.settings = StateSettings.from_values(settings, "StateModel")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name."""
        return {**self.settings.model_dump(), "n_jobs": self.n_jobs}

    def set_params(self, **settings: Any) -> "StateModel":
        """Change settings; what was fitted stays until the next `fit`."""
        given = {**self.get_params(), **settings}
        self.n_jobs = jobs.taken(given, "StateModel")
        self.settings = StateSettings.from_values(given, "StateModel")
        return self

    def fit(
        self,
        recordings: Sequences,
        iterations: int | None = None,
        *,
        states: Int[np.ndarray, " N"] | None = None,
        method: Literal["gibbs", "map"] = "gibbs",
        threads: int | None = None,
        progress: Progress = silent,
    ) -> "StateModel":
        """Fit the model; the same seed gives the same bits for any number of threads.

        Args:
            recordings: syllables.
            iterations: sweeps, if others than the settings say.
            states: of every frame to begin with, for `init="given"`.
            method: `gibbs` draws from the posterior; `map` climbs to a nearby mode.
            threads: that work side by side; none: `n_jobs`.
            progress: told of every sweep.
        """
        threads = jobs.threads(self.n_jobs, threads)
        data = gibbs.prepare(self.settings, recordings)
        total = self.settings.iterations if iterations is None else iterations
        chain = begin(self.settings, data, states, threads)
        go = gibbs.sweep if method == "gibbs" else gibbs.climb
        for number in range(total):
            chain = go(self.settings, data, chain, threads)
            progress(Step("fit-states", number + 1, total, "sweep"))
        return self.take(chain, data.seq)

    def take(self, chain: Chain, recordings: Sequences) -> "StateModel":
        """Become what a chain has found so far."""
        self.parameters_, self.sweep_ = chain.best.parameters, chain.best.sweep
        self.last_ = Kept(chain.sweeps, chain.parameters)
        self.kept_, self.trace_, self.blocks_ = chain.kept, chain.trace, chain.blocks
        self.history_, self.inner_ = chain.history, chain.inner
        self.fps_ = recordings.fps
        self.sample_ = {
            name: self._series(chain.states[begin:end])
            for name, begin, end in zip(
                recordings.names, recordings.offsets[:-1], recordings.offsets[1:], strict=True
            )
        }
        return self

    @property
    def log_probability_(self) -> Float[np.ndarray, " I"]:
        """Log p(parameters, syllables) of each sweep, in nats."""
        return self.trace_.sum(axis=1)

    @property
    def converged_(self) -> bool:
        """Whether no optimisation inside the last sweep ran into its limit."""
        return diagnose.converged(self.blocks_)

    @property
    def n_syllables_(self) -> int:
        """S."""
        return self.parameters_.theta.shape[1]

    def predict(
        self,
        recordings: Sequences,
        threads: int | None = None,
        *,
        among: Bool[np.ndarray, " K"] | None = None,
    ) -> Labels:
        """Return the most probable states (time) of each recording; ties to the lower one.

        Args:
            recordings: syllables.
            threads: that work side by side; none: `n_jobs`.
            among: which states may be used; transitions between them are scaled to sum to 1.
        """
        threads = jobs.threads(self.n_jobs, threads)
        data = self._data(recordings)
        every = np.arange(len(self.parameters_.trans), dtype=np.uint8)
        kept = every if among is None else every[among]
        paths = gibbs.most_probable(data, _between(self.parameters_, kept), threads)
        return {
            name: self._series(kept[path])
            for name, path in zip(data.seq.names, paths, strict=True)
        }

    def predict_proba(self, recordings: Sequences, threads: int | None = None) -> Labels:
        """Return p(state | all of the recording), (time, state), of each recording."""
        threads = jobs.threads(self.n_jobs, threads)
        return self._shares(recordings, threads, state_paths.marginals)

    def filter(self, recordings: Sequences, threads: int | None = None) -> Labels:
        """Return p(state | the recording up to now), (time, state), of each recording."""
        threads = jobs.threads(self.n_jobs, threads)
        return self._shares(recordings, threads, state_paths.filtered)

    def score(self, recordings: Sequences, threads: int | None = None) -> xr.Dataset:
        """Return how well the model foretells recordings, dims `recording`.

        `log_evidence` in nats; `per_frame` and `per_bout`: that over the frames that follow
        a frame with a label, and over the bouts.
        """
        threads = jobs.threads(self.n_jobs, threads)
        data = self._data(recordings)
        told = np.array(gibbs.evidence(data, self.parameters_, threads))
        pairs, bouts = np.empty(len(told)), np.empty(len(told))
        for r in range(len(told)):
            values, valid = recording(data.seq, r)
            both = valid[1:] & valid[:-1]
            pairs[r] = both.sum()
            bouts[r] = valid.any() + (both & (values[1:] != values[:-1])).sum()
            bouts[r] += (valid[1:] & ~valid[:-1]).sum() - (not valid[0] and valid.any())
        return xr.Dataset(
            {
                "log_evidence": ("recording", told),
                "per_frame": ("recording", told / np.maximum(pairs, 1)),
                "per_bout": ("recording", told / np.maximum(bouts, 1)),
                "frames": ("recording", pairs.astype(np.int64)),
            },
            {"recording": list(data.seq.names)},
            {"total": math.fsum(told), "mean_per_frame": math.fsum(told) / max(1, pairs.sum())},
        )

    def sample(
        self,
        lengths: dict[str, int],
        random_state: int = 0,
        *,
        first: dict[str, int] | None = None,
        parameters: Parameters | None = None,
    ) -> tuple[Sequences, Labels]:
        """Draw recordings from the model.

        Args:
            lengths: frames of each recording, by name.
            random_state: seed; a recording's name and this decide its draws.
            first: its first syllable, which the model says nothing of; drawn by default.
            parameters: of another sweep than the fitted one.

        Returns:
            The syllables, and the states that they came from.
        """
        known = self.parameters_ if parameters is None else parameters
        rows, moves = markov.cumulative(known.theta), markov.cumulative(known.trans)
        drawn: dict[str, markov.Switching] = {}
        for name, frames in lengths.items():
            rng = streams.generator(random_state, "sample", name)
            state = int(rng.integers(len(moves)))
            label = int(rng.integers(self.n_syllables_))
            label = label if first is None else first[name]
            drawn[name] = markov.switching(rng, (state, label), moves, rows, frames)
        values = [one.values for one in drawn.values()]
        seq = pack(values, drawn, self.fps_, self.n_syllables_)
        return seq, {name: self._series(one.states) for name, one in drawn.items()}

    def to_dataset(self) -> xr.Dataset:
        """Return all of the fitted model but the states of its recordings."""
        known = self.parameters_
        held = {
            **chain_data.tables(known),
            **chain_data.tables(self.last_.parameters, "last_"),
            **chain_data.kept_tables(self.kept_, known),
            "trace": (("sweep", "term"), self.trace_),
            "blocks": (("sweep", "block"), self.blocks_),
            **chain_data.history_runs(self.history_),
            "inner_rows": ("row_step", self.inner_.rows),
            "inner_biases": ("bias_step", self.inner_.biases),
        }
        return xr.Dataset(
            held,
            {"term": list(gibbs.TRACE), "block": list(gibbs.BLOCKS)},
            {
                "settings": json.dumps(self.settings.model_dump(mode="json")),
                "fps": self.fps_,
                "sweep_of_parameters": self.sweep_,
                "n_syllables": self.n_syllables_,
                "limits": "\n".join(self.inner_.limits),
            },
        )

    @classmethod
    def from_dataset(cls, held: xr.Dataset) -> "StateModel":
        """Return the model that `to_dataset` wrote."""
        model = cls(**json.loads(held.attrs["settings"]))
        model.parameters_ = chain_data.parameters(held)
        model.sweep_ = int(held.attrs["sweep_of_parameters"])
        model.fps_ = float(held.attrs["fps"])
        model.trace_, model.blocks_ = held["trace"].values, held["blocks"].values
        model.last_ = Kept(len(model.trace_), chain_data.parameters(held, "last_"))
        model.history_, model.kept_ = chain_data.history(held), chain_data.kept(held)
        model.inner_ = chain_data.inner(held)
        model.sample_ = {}
        return model

    def _data(self, recordings: Sequences) -> Data:
        """Return recordings as the fitted model counts syllables."""
        if not hasattr(self, "parameters_"):
            raise InputError("the model is not fitted yet; call fit first")
        if not math.isclose(recordings.fps, self.fps_):
            raise InputError(
                f"{recordings.names[0]} has {recordings.fps:g} frames/s, the model was fitted "
                f"to {self.fps_:g}; bring them to one rate"
            )
        size = self.n_syllables_
        own = self.settings.model_copy(
            update={"n_syllables": size, "history": None, "history_from_s": 0.0}
        )
        return gibbs.prepare(own, resized(recordings, size))

    def _shares(self, recordings: Sequences, threads: int, kernel: Any) -> Labels:
        data, known = self._data(recordings), self.parameters_

        def one(r: int) -> Float[np.ndarray, "T K"]:
            values, valid = recording(data.seq, r)
            return kernel(values, valid, known.theta, known.trans)

        found = gibbs.side_by_side(one, range(len(data.seq.names)), threads)
        return {
            name: self._series(share) for name, share in zip(data.seq.names, found, strict=True)
        }

    def _series(self, values: np.ndarray) -> xr.DataArray:
        dims = ("time", "state")[: values.ndim]
        times = np.arange(len(values)) / self.fps_
        return xr.DataArray(values, {"time": times}, dims)


def begin(
    settings: StateSettings, data: Data, states: Int[np.ndarray, " N"] | None, threads: int = 1
) -> Chain:
    """Return the chain before its first sweep, from the states that the settings ask for."""
    if (states is not None) != (settings.init == "given"):
        raise InputError(
            "init: given needs the states to begin with, and only it takes them; "
            "give both or neither"
        )
    if states is None:
        first = initial.first_states(
            settings.init, data.seq, settings.n_states, settings.init_window_s,
            settings.random_state,
        )  # fmt: skip
    elif len(states) and states.min() < 0:
        raise InputError(f"a given state is {states.min()}; states are 0 or more")
    elif len(states) and states.max() >= settings.n_states:
        raise InputError(
            f"the given states go up to {states.max()}; n_states is {settings.n_states}"
        )
    else:
        first = states.astype(np.uint8)
    return gibbs.start(settings, data, first, threads)


def _between(known: Parameters, kept: UInt8[np.ndarray, " M"]) -> Parameters:
    """The parameters of some states alone."""
    trans = known.trans[np.ix_(kept, kept)]
    return Parameters(known.theta[kept], trans / trans.sum(1, keepdims=True), None)
