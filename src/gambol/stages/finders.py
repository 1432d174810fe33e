"""The networks of a run for several animals, on a device, ready to find animals in frames."""

import numpy as np

from gambol.io import run as io_run
from gambol.nn import engine
from gambol.nn.outputs.confidence import Confidence
from gambol.nn.outputs.fields import Fields
from gambol.nn.snapshots import Together
from gambol.pose import find, judge, relabel, upright
from gambol.pose.group import Links
from gambol.pose.predict import Net
from gambol.stages import structure


def of_run(
    trained: io_run.Trained,
    where: engine.Device,
    precision: engine.Precision = "float32",
    threads: int = 0,
    weight: float | None = None,
) -> find.Finder:
    """Build what finds the animals of a frame at the run's scale.

    Args:
        trained: the run.
        where: what runs it.
        precision: of the networks.
        threads: of a CPU; 0: all.
        weight: λ of bones in place of the run's; see `stages.structure`.
    """
    many, net = trained.model.many, trained.net
    assert many is not None
    by, held = structure.poser(trained, weight), structure.grid(trained, weight)
    run_by = engine.build(net, where, precision, threads)
    if trained.centroid is None:
        found = judge.bottom_up(net, run_by, links(many), many.most)
        return found._replace(sides=_sides(trained, found) if many.relabel else None)
    first = trained.centroid
    finds = engine.build(first, where, precision, threads)
    return find.TopDown(
        Net(finds, first.position, first.multiple, many.centroid_scale),
        Net(run_by, net.position, net.multiple, trained.model.scale, grid=held),
        many.side,
        many.threshold,
        many.apart,
        2 * many.most + 4,
        len(many.classes),
        next((one for one in first.outputs if isinstance(one, Fields)), None),
        shape(many),
        poser=by,
    )


def _sides(trained: io_run.Trained, finder: find.BottomUp) -> relabel.Sides:
    """Keypoints that are taken for each other; peaks of one hill are one place."""
    own = (
        finder.confidence.own if isinstance(finder.confidence, Together) else finder.confidence
    )
    assert isinstance(own, Confidence)  # bottom-up networks have no other positions
    return relabel.Sides(np.array(trained.model.bones.swap), own.sigma)


def links(many: io_run.ManyFile) -> Links:
    """How a bottom-up run joins peaks."""
    return Links(
        np.array(many.edges, np.int64).reshape(-1, 2),
        *(np.array(many.links[name]) for name in ("longest", "slope", "offset")),
    )


def shape(many: io_run.ManyFile) -> upright.Shape | None:
    """What the poses of a run's animals say of how they lie, where crops are turned by that."""
    if many.shape is None:
        return None
    xy = np.array(many.shape.xy, np.float64)  # what is null becomes NaN
    return upright.Shape(xy, np.array(many.shape.weight))


def name(finder: find.Finder) -> str:
    """Return what runs it, for provenance."""
    if isinstance(finder, find.TopDown):
        return finder.pose.engine.name
    return finder.engine.name
