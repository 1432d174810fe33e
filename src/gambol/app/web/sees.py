"""Route of what a training would see: how far around a point, how much of a frame at once.

The choices that `stages.train` makes, from the labels as they are; nothing is learnt for it.
"""

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import fail, ok
from gambol.app.web.models import Sees as Sees
from gambol.app.web.state import Studio
from gambol.core.labels import Labels
from gambol.io.project import Project
from gambol.pose.choose import choose
from gambol.pose.choose_many import approach
from gambol.stages import network
from gambol.stages.train import TrainConfig


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the route."""

    async def sees(request: Request) -> Response:
        return ok(await studio.desk.ask(of_project))

    return [Route("/api/sees", sees)]


def of_project(project: Project) -> Sees:
    """Return what a training with the usual settings would see now.

    Raises:
        Fail: 409 while nothing is labelled.
    """
    labels: Labels = project.labels()
    sizes = [(row.width, row.height) for row in project.videos()]
    if not sizes or not labels.labelled.any():
        raise fail(409, "no-labels", "nothing is labelled yet", "label some frames first")
    return of(labels, sizes[0])


def of(labels: Labels, size: tuple[int, int]) -> Sees:
    """Return what a network sees that learns from frames of (width, height) `size`."""
    most = int(np.unique(labels.pairs, axis=0, return_counts=True)[1].max())
    found, why = approach(labels.xy, most, size, len(labels.skeleton.roots) == 1)
    nets = network.usual(TrainConfig(), found)
    choice = choose(labels.xy, labels.skeleton, size, [], nets=nets)
    crop = (choice.window[0] / choice.scale, choice.window[1] / choice.scale)
    reasons = [one for one in choice.reasons if not one.startswith(("colour", "grey"))]
    by_animal = found == "top-down"
    if by_animal:
        reasons = [one for one in reasons if not one.startswith("windows")]
    return Sees(
        field_px=choice.backbone.field / choice.scale,
        crop_px=None if by_animal else crop,
        whole=choice.whole and not by_animal,
        reasons=[why, *reasons],
    )
