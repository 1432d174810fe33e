"""Training frames of a behaviour map → two dimensions, by t-SNE or UMAP.

t-SNE gets the affinities of `kernels.affinity`, whose exponent is the divergence squared. Both
run on one thread, so that a seed means the same bits everywhere.
"""

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from gambol.behavior.map_settings import MapSettings
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.kernels import affinity, neighbours, streams

_START = 1e-4  # sd of the first places, map units
_EARLY = 250  # iterations with exaggerated affinities
_TOLD = 50  # iterations from word to word


def embed(
    p: Float[np.ndarray, "N K"],
    settings: MapSettings,
    *,
    name: str = "map",
    threads: int = 1,
    progress: Progress = silent,
) -> Float[np.ndarray, "N 2"]:
    """Return places of frames on a map.

    Args:
        p: distributions, all shares above 0.
        settings: method and its numbers.
        name: of the map; it and the seed decide what is drawn.
        threads: of the search for neighbours; the result is the same.
        progress: told of iterations.
    """
    if len(p) <= settings.perplexity + 1:
        raise InputError(
            f"{len(p)} frames can be mapped, perplexity is {settings.perplexity:g}; give more "
            "frames or lower it"
        )
    seed = streams.key(settings.random_state, "embed", name) % 2**31
    if settings.method == "umap":
        return _umap(p, settings, seed)
    return _tsne(p, settings, seed, threads, progress)


def start(p: Float[np.ndarray, "N K"]) -> Float[np.ndarray, "N 2"]:
    """Return the first two components of √p, scaled to a standard deviation of 1e-4."""
    mean, axes = neighbours.components(p, 2)
    root = np.sqrt(p.astype(np.float64)) - mean
    scores = np.stack([(root * axis).sum(axis=1) for axis in axes.T], axis=1)
    return scores * (_START / scores[:, 0].std())


def _tsne(
    p: Float[np.ndarray, "N K"],
    settings: MapSettings,
    seed: int,
    threads: int,
    progress: Progress,
) -> Float[np.ndarray, "N 2"]:
    from openTSNE import TSNE
    from openTSNE.affinity import PrecomputedAffinities

    near = affinity.nearest(p, min(settings.neighbours, len(p) - 1), threads=threads)
    pull = affinity.conditional(near.divergence, settings.perplexity)
    both = affinity.joint(near.which, pull.p)
    total = _EARLY + settings.iterations
    done = [0]

    def told(iteration: int, error: float, places: Any) -> None:
        done[0] += _TOLD
        progress(Step("fit-map", min(done[0], total), total, "iteration"))

    watched = {} if progress is silent else {"callbacks": told, "callbacks_every_iters": _TOLD}
    model = TSNE(
        perplexity=settings.perplexity,
        early_exaggeration_iter=_EARLY,
        n_iter=settings.iterations,
        n_jobs=1,
        random_state=seed,
        **watched,
    )
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = model.fit(
            affinities=PrecomputedAffinities(both, normalize=False), initialization=start(p)
        )
    return np.array(made, np.float64)


def _umap(
    p: Float[np.ndarray, "N K"], settings: MapSettings, seed: int
) -> Float[np.ndarray, "N 2"]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what umap would like to have installed
        from umap import UMAP

        model = UMAP(
            n_neighbors=min(settings.umap_neighbours, len(p) - 1),
            min_dist=settings.min_dist,
            random_state=seed,
            n_jobs=1,
        )
        with threadpool_limits(1):
            made = model.fit_transform(np.sqrt(p))
    return np.asarray(made, np.float64)
