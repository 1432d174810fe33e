"""The networks of a run, ready to predict as they were asked to, or a sentence why they cannot.

What would cost accuracy, or what a network's answer does not tell, is refused before a frame
is read.
"""

import numpy as np

from gambol.core import pixels
from gambol.core.errors import InputError
from gambol.io import run as io_run
from gambol.nn import engine
from gambol.pose import find, predict
from gambol.stages import finders, structure

TOLERATED = 0.05  # px by which `fast` may raise the mean error on validation


def one_animal(
    model: io_run.Trained,
    where: engine.Device,
    threads: int,
    *,
    fast: bool,
    follow: bool,
    candidates: int,
    weight: float | None = None,
) -> predict.Net:
    """Build the engine of a run for one animal.

    Args:
        model: the run.
        where: what runs it.
        threads: of the CPU; 0: all.
        fast: in bfloat16, if it shows that it costs no accuracy.
        follow: a window has to follow the animal.
        candidates: peaks per keypoint that are wanted.
        weight: λ of bones in place of the run's.
    """
    if follow and model.net.spec.place:
        raise InputError(
            f"{model.folder} knows places of the whole frame, which a window that follows the "
            "animal does not show; leave window out"
        )
    _check_hills(model, candidates)
    exact = wrap(model, engine.build(model.net, where, "float32", threads), weight)
    if not fast:
        return exact
    quick = wrap(model, engine.build(model.net, where, "bfloat16", threads), weight)
    held = io_run.read_heldout(model.folder)
    errors = [_error(net, held) for net in (exact, quick)]
    if errors[1] > errors[0] + TOLERATED:
        raise InputError(
            f"{model.folder}: --precision fast raises the error on validation from "
            f"{errors[0]:.2f} to {errors[1]:.2f} px; leave it out"
        )
    return quick


def many_animals(
    model: io_run.Trained,
    where: engine.Device,
    threads: int,
    *,
    fast: bool,
    follow: bool,
    candidates: int,
    weight: float | None = None,
) -> find.Finder:
    """Build what finds the animals of a frame; arguments as of `one_animal`.

    `weight` is that of bones, in place of the run's.
    """
    if fast:
        raise InputError(
            f"{model.folder} finds several animals a frame, for which --precision fast is not "
            "checked; leave it out"
        )
    if follow:
        raise InputError(
            f"{model.folder} finds several animals a frame, which no window can follow; leave "
            "window out"
        )
    finder = finders.of_run(model, where, "float32", threads, weight)
    if candidates == 1:
        return finder
    if not isinstance(finder, find.TopDown):
        raise InputError(
            f"{model.folder} finds animals bottom-up, where another peak of a keypoint is "
            "another animal's; train top-down, or leave candidates out"
        )
    _check_hills(model, candidates)
    return finder._replace(candidates=candidates)


def _check_hills(model: io_run.Trained, candidates: int) -> None:
    """Several candidates need maps that show them."""
    net = model.net
    if candidates > 1 and not net.position.hilly:
        specs = zip(net.outputs, net.spec.outputs, strict=True)
        kind = next(spec.kind for one, spec in specs if one is net.position)
        raise InputError(
            f"{model.folder} says positions by {kind}, whose maps tell one place each and no "
            f"{candidates} candidates; train with confidence, or leave candidates out"
        )


def wrap(
    model: io_run.Trained, run_by: engine.Engine, weight: float | None = None
) -> predict.Net:
    """Say of an engine what its maps mean, and whether poses are weighed on them."""
    net, grid = model.net, structure.grid(model, weight)
    return predict.Net(run_by, net.position, net.multiple, model.model.scale, grid=grid)


def _error(net: predict.Net, held: io_run.Heldout) -> float:
    """Mean distance on the run's own validation frames, video pixels."""
    distances = []
    for i, image in enumerate(held.images):
        found = predict.whole(net, image[None])
        xy = pixels.apply(held.to_video[i], found.xy[0])
        distances.append(np.linalg.norm(xy - held.truth[i], axis=-1))
    return float(np.nanmean(distances))
