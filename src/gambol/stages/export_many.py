"""Exported bottom-up networks: their graph, and what its answers are compared with.

The graph gives peaks and fields; `pose.find.grouped` makes animals of them, here and in
`gambol.live` as in `gambol predict`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from gambol.core.errors import InputError
from gambol.io import run as io_run
from gambol.kernels.peaks import Peaks
from gambol.nn import engine
from gambol.nn.exported_engine import ExportedGraph
from gambol.nn.exported_many import ManyExportable, classes_of, fields_of
from gambol.nn.model import PoseNet
from gambol.pose import find, judge
from gambol.pose.group import Candidates
from gambol.stages import export_checks, export_frames, finders

MOST = 64  # validation frames that are read
ALIKE = 1e-3  # of a field, whose vectors are no longer than 1
OUTPUTS = {
    "xy": "(batch, keypoints, peaks, 2) pixels of the picture; integers are pixel centres",
    "height": "(batch, keypoints, peaks) of the peak, raw, falling; 0 where there are fewer",
    "covariance": "(batch, keypoints, peaks, 2, 2) px² of the picture, raw",
    "fields": "(batch, 2 edges, rows, columns) x and y of the unit vectors along many.edges",
    "classes": "(batch, individuals, rows, columns) logits of many.classes",
}


class Scenes(NamedTuple):
    """Whole validation frames of one size that show several animals."""

    size: tuple[int, int]  # width, height
    images: list[np.ndarray]  # uint8 (H, W, C) at network scale
    to_video: list[np.ndarray]  # (2, 3) of each
    truth: list[np.ndarray]  # (I, J, 2) labelled animals of each, px of the video
    body: float  # length of an animal, px of the video
    finder: find.BottomUp  # the run's, as `gambol predict` has it
    how: find.Grouping

    def check(self, net: PoseNet, files: dict[str, Path], threads: int) -> dict[str, Any]:
        """Compare the peaks of all animals, and the maps beside them."""
        images = self.images[: export_checks.CHECKED]
        maps = net.spec.outputs[net.outputs.index(net.position)].channels(self.how.keypoints)
        seen = [find.candidates(self.finder, image) for image in images]
        found, expected = {}, [_listed(peaks, maps, self.finder.limit) for peaks, _ in seen]
        for name, path in files.items():
            answers = export_checks.answers(name, path, images, threads)
            found[name] = [
                _without(Peaks(*one[:3]), other)
                for one, other in zip(answers, expected, strict=True)
            ]
            _check_maps(name, [one[3:] for one in answers], [some for _, some in seen])
        expected = [_without(*pair) for pair in zip(expected, found["float32"], strict=True)]
        return export_checks.compare(found, expected, self.size)

    def errors(self, run_by: ExportedGraph) -> Float[np.ndarray, "N J"]:
        """Distance of every labelled point to that of its animal; a body where it is missed."""
        parts = []
        for image, way, truth in zip(self.images, self.to_video, self.truth, strict=True):
            xy = animals(run_by, self.how, image).moved(way).xy
            error = judge.match(xy, truth, self.body).error
            error = np.where(np.isfinite(error), np.minimum(error, self.body), self.body)
            parts.append(np.where(np.isfinite(truth).all(-1), error, np.nan))
        return np.concatenate(parts)


def scenes(model: io_run.Trained, threads: int) -> Scenes:
    """Return validation frames of a bottom-up run, of their most frequent size."""
    held = io_run.read_heldout(model.folder)
    at = list(zip(held.video.tolist(), held.frame.tolist(), strict=True))
    places = sorted(set(at))[:MOST]
    images, back = export_frames.validation(model, places)
    size, rows = export_frames.usual(images)
    truth = [held.truth[[one == places[i] for one in at]] for i in rows]
    made = finders.of_run(model, engine.choose_device("cpu"), threads=threads)
    assert isinstance(made, find.BottomUp)
    chosen, ways = [images[i] for i in rows], [back[i] for i in rows]
    how = find.grouping(made)
    return Scenes(size, chosen, ways, truth, model.model.body_px, made, how)


def graph(finder: find.BottomUp, net: PoseNet) -> ManyExportable:
    """Put the network of a bottom-up run into a graph."""
    edges = [(int(a), int(b)) for a, b in finder.links.edges]
    return ManyExportable(net, edges, find.LOW, finder.limit)


def near(seen: Scenes) -> float | None:
    """Return the pixels within which two sides are one place; None: none are weighed anew."""
    return None if seen.how.sides is None else seen.how.sides.near


def strides(net: PoseNet) -> dict[str, int]:
    """Return pixels of the picture per cell of the maps among the outputs."""
    known = classes_of(net)
    more = {} if known is None else {"classes": known.stride}
    return {"fields": fields_of(net).stride, **more}


def animals(
    run_by: ExportedGraph, how: find.Grouping, image: UInt8[np.ndarray, "H W C"]
) -> find.Found:
    """Find the animals of a picture by a graph, in its pixels."""
    xy, height, cov, *maps = run_by.answers(image)
    return find.grouped(how, find.of_peaks(Peaks(xy, height, cov)), maps)


def _listed(found: Candidates, maps: int, limit: int) -> Peaks:
    """Put peaks into rows of a map, as graphs do; height 0 where there are fewer."""
    shape = (maps, limit)
    xy, height, cov = np.zeros((*shape, 2)), np.zeros(shape), np.zeros((*shape, 2, 2))
    for j in range(maps):
        own = np.flatnonzero(found.keypoint == j)
        own = own[np.argsort(-found.height[own], kind="stable")]
        xy[j, : len(own)], height[j, : len(own)] = found.xy[own], found.height[own]
        cov[j, : len(own)] = found.cov[own]
    return Peaks(xy, height, cov)


def _without(found: Peaks, other: Peaks) -> Peaks:
    """Leave out peaks that rounding alone lifts over the least height."""
    barely = (other.height == 0) & (found.height < find.LOW + export_checks.TIE)
    height = np.where(barely, 0.0, found.height)
    return Peaks(np.where(barely[..., None], 0.0, found.xy), height, found.cov)


def _check_maps(
    name: str, found: list[Sequence[np.ndarray]], expected: list[list[np.ndarray]]
) -> None:
    """Refuse fields and maps of classes that differ."""
    for some, others in zip(found, expected, strict=True):
        for part, other in zip(some, others, strict=True):
            most = float(np.abs(part - other).max(initial=0.0))
            if most > ALIKE * max(float(np.abs(other).max(initial=0.0)), 1.0):
                raise InputError(
                    f"the fields of the network as {name} differ from those of gambol predict "
                    f"by {most:.2g}; nothing is written: please report it with the run"
                )
