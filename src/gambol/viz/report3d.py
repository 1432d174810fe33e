"""The pages about a reconstruction and about a calibration, for somebody who knows the animal.

Stages collect what is here from files and write the page, which needs nothing but itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from gambol.core import poses as core_poses
from gambol.core.cameras import Rig
from gambol.core.skeleton import Skeleton
from gambol.viz import atlas, figures_3d, orbit, rig_page, scene3d, views
from gambol.viz.colours import keypoint_colours
from gambol.viz.films import Example
from gambol.viz.html import Markup, el, figure, image, join, page, section, table
from gambol.viz.report import px, share, swatch
from gambol.viz.rig_page import Calibrated
from gambol.viz.svg import to_svg

SCENE_VALUES = 600_000  # coordinates of the scene in a report; the scene's own page holds more
DOUBT = 0.5  # outlier probability from which an observation counts as removed
_VIEW_DIMS = ("time", "view", "keypoints", "individuals")


class LeftOut(NamedTuple):
    """How well each view is told by the others."""

    views: Sequence[str]
    px: Float[np.ndarray, "T V J"]  # distance of the prediction; NaN where there is none
    log_score: Float[np.ndarray, " V"]  # mean log density of the observations, nats
    predicted: Float[np.ndarray, " V"]  # share of the observations that got a prediction


class Reconstruction(NamedTuple):
    """3D poses of one recording, and what is known about them."""

    name: str
    poses: xr.Dataset  # 3D, in the schema of `core.poses`
    rig: Rig | None = None
    removed: Mapping[str, Int[np.ndarray, "V J"]] = {}  # rule: observations that it removed
    left_out: LeftOut | None = None
    jitter: Mapping[str, float] = {}  # individual: rms third difference · fps³
    examples: Sequence[Example] = ()  # pictures of `views.close_up` or `views.mosaic`
    states: atlas.Atlas | None = None
    remarks: Sequence[str] = ()  # sentences that the reader has to know
    note: str = ""  # why there are no pictures
    settings: str = ""  # YAML
    provenance: Mapping[str, Any] = {}


class _Numbers(NamedTuple):
    """The dataset as arrays."""

    skeleton: Skeleton
    times: Float[np.ndarray, " T"]
    xyz: Float[np.ndarray, "T N J 3"]
    sd: Float[np.ndarray, "T N J"] | None
    views: list[str]
    error: Float[np.ndarray, "T V J N"] | None  # px
    outlier: Float[np.ndarray, "T V J N"] | None
    told: Float[np.ndarray, "T N J"] | None  # views that tell each point
    individuals: list[str]
    units: str


def reconstruction(made: Reconstruction) -> str:
    """Return the page about 3D poses."""
    numbers = _numbers(made)
    parts = [
        _head(made, numbers),
        *_remarks(made),
        _scene(made, numbers),
        *_pictures(made),
        *_removed(made, numbers),
        *_errors(numbers),
        *([left_out(made.left_out, numbers.skeleton)] if made.left_out else []),
        *_bones(made, numbers),
        *_certainty(numbers),
        *(
            [atlas.describe(made.states, numbers.skeleton, numbers.units)]
            if made.states
            else []
        ),
        *_origin(made.settings, made.provenance),
        scene3d.assets(),
    ]
    return page(f"{made.name}: 3D poses", *parts)


def calibration(made: Calibrated, *, interactive: bool = True) -> str:
    """Return the page about a calibration.

    Args:
        made: the rig and what is known about it.
        interactive: with a scene to turn round.
    """
    parts = [
        rig_page.head(made),
        rig_page.findings(made.findings),
        rig_page.drawn(made, interactive=interactive),
        rig_page.cameras(made.rig, made.residuals, made.sd),
        *([rig_page.coverage(made.coverage)] if made.coverage else []),
        rig_page.residuals(made.rig, made.residuals),
        *_origin(made.settings, made.provenance),
        *([scene3d.assets()] if interactive else []),
    ]
    return page(f"{made.name}: calibration", *parts)


def left_out(found: LeftOut, skeleton: Skeleton) -> Markup:
    """Return the section of views that were left out and predicted from the others."""
    rows = []
    for v, name in enumerate(found.views):
        far = found.px[:, v][np.isfinite(found.px[:, v])]
        low, high = np.percentile(far, [50, 90]) if len(far) else (np.nan, np.nan)
        score = found.log_score[v]
        told = f"{score:.2f}" if np.isfinite(score) else "–"
        rows.append([name, str(len(far)), px(low), px(high), told, share(found.predicted[v])])
    head = ("view", "observations", "median, px", "90 % are below, px",
            "log score, nats", "predicted")  # fmt: skip
    by_name = _median(found.px, axis=0)
    parts = [
        el("p", "Every view was left out in turn, the animal was found from the others, and "
           "the missing view was predicted. These errors hold everything that can go wrong "
           "(calibration, detections, the model), so they tell how good the 3D is, without "
           "any truth."),
        table(head, rows),
    ]  # fmt: skip
    if np.isfinite(by_name).any():
        picture = figures_3d.by_view(by_name, found.views, skeleton.keypoints)
        caption = "Median error of the prediction by view and keypoint, px."
        parts.append(figure(to_svg(picture), caption))
    return section("Predicting a view from the others", *parts)


def _numbers(made: Reconstruction) -> _Numbers:
    poses = made.poses
    per_view = [
        poses[name].transpose(*_VIEW_DIMS).values.astype(np.float64) if name in poses else None
        for name in ("reprojection_error", "outlier_probability")
    ]
    sd = None
    if "covariance" in poses:
        sd = scene3d.sd_of(core_poses.covariance(poses).astype(np.float64))
    return _Numbers(
        core_poses.skeleton(poses),
        poses["time"].values.astype(np.float64),
        core_poses.xy(poses).astype(np.float64),
        sd if sd is not None and np.isfinite(sd).any() else None,
        [str(v) for v in poses["view"].values] if "view" in poses.coords else [],
        per_view[0],
        per_view[1],
        core_poses.points(poses, "n_views").astype(float) if "n_views" in poses else None,
        [str(n) for n in poses["individuals"].values],
        str(poses.attrs.get("units", made.rig.units if made.rig else "unknown")),
    )


def _head(made: Reconstruction, n: _Numbers) -> Markup:
    frames, seconds = len(n.times), float(n.times[-1] - n.times[0]) if len(n.times) else 0.0
    found = np.isfinite(n.xyz).all(axis=-1)
    cells = [(str(frames), f"frames, {seconds:.1f} s, {len(n.individuals)} "
              f"{'animal' if len(n.individuals) == 1 else 'animals'}")]  # fmt: skip
    cells.append(
        (_percent(float(found.mean())) if found.size else "–", "of the points have a place")
    )
    if n.error is not None:
        kept = _kept(n)
        cells.append((f"{px(_one(kept, 50))} px", "median reprojection error of what was used"))
    if n.outlier is not None:
        seen = np.isfinite(n.outlier)
        lost = float((n.outlier > DOUBT).sum() / max(seen.sum(), 1))
        cells.append((_percent(lost), "of the observations were judged wrong and left out"))
    if n.sd is not None:
        median = _one(n.sd, 50)
        cells.append(
            (f"{_digits(median)} {_unit(n.units)}", "median standard deviation along an axis")
        )
    if made.left_out is not None:
        median = _one(made.left_out.px, 50)
        cells.append(
            (f"{px(median)} px", "median error when a view is predicted by the others")
        )
    tier = made.poses.attrs.get("tier")
    words = f"{len(n.views)} views" + (f": {', '.join(n.views)}" if n.views else "")
    words += f". Method: {tier}." if tier else "."
    boxes = [el("div", el("b", value), el("span", text)) for value, text in cells]
    return join(
        [
            el("h1", f"3D poses: {made.name}"),
            el("p", words, class_="soft"),
            el("div", *boxes, class_="numbers"),
        ]
    )


def _remarks(made: Reconstruction) -> list[Markup]:
    if not made.remarks:
        return []
    return [section("What to know first", el("ul", *(el("li", r) for r in made.remarks)))]


def _scene(made: Reconstruction, n: _Numbers) -> Markup:
    """The interactive scene."""
    rig = made.rig or Rig((), units=n.units if n.units != "" else "unknown")
    sure = core_poses.points(made.poses, "confidence").astype(float)
    moving = scene3d.Moving(n.xyz, n.times, n.skeleton, tuple(n.individuals), sure, n.sd)
    limit = max(SCENE_VALUES // max(int(np.prod(n.xyz.shape[1:])), 1), 1)
    return section("In 3D", scene3d.embed(moving, rig, max_frames=limit))


def _pictures(made: Reconstruction) -> list[Markup]:
    if not made.examples:
        return [section("In the cameras", el("p", made.note))] if made.note else []
    shown = [figure(image(e.rgb, e.caption), e.caption) for e in made.examples]
    wide = all(
        e.rgb.shape[1] > 1.6 * e.rgb.shape[0] or e.rgb.shape[1] > 900 for e in made.examples
    )
    grid = join(shown) if wide else el("div", *shown, class_="frames")
    return [section("In the cameras", el("p", views.KEY, class_="soft"), grid)]


def _removed(made: Reconstruction, n: _Numbers) -> list[Markup]:
    """What each rule removed, by view and by keypoint."""
    if n.outlier is None and not made.removed:
        return []
    parts: list[Markup] = []
    if n.outlier is not None:
        seen = np.isfinite(n.outlier).sum(axis=(0, 3))
        lost = (n.outlier > DOUBT).sum(axis=(0, 3))
        rate = np.where(seen > 0, lost / np.maximum(seen, 1), np.nan)
        text = (
            f"Of {_thousands(seen.sum())} observations {_thousands(lost.sum())} were "
            "judged to be none of their keypoint (a wrong detection, a swap of sides) and "
            "did not pull at the 3D point."
        )
        parts.append(el("p", text))
        picture = figures_3d.by_view(
            rate, n.views, n.skeleton.keypoints, limit=0.5, percent=True
        )
        caption = (
            "Share of the observations that was left out, by view and keypoint; a dash: never "
            "seen there. Much orange in one column speaks of that camera or its calibration, "
            "in one row of that keypoint's detections."
        )
        parts.append(figure(to_svg(picture), caption))
    for rule, counts in made.removed.items():
        rows = [
            [name, *(str(int(c)) for c in counts[:, j]), str(int(counts[:, j].sum()))]
            for j, name in enumerate(n.skeleton.keypoints)
            if counts[:, j].sum()
        ]
        total = int(counts.sum())
        label = f"{rule}: {total} {'observation' if total == 1 else 'observations'}"
        body = table(("keypoint", *n.views, "all"), rows) if rows else el("p", "Nothing.")
        parts.append(el("details", el("summary", label), body))
    return [section("What was left out, and by which rule", *parts)]


def _errors(n: _Numbers) -> list[Markup]:
    """Reprojection errors by view and keypoint, and over time."""
    if n.error is None or not n.views:
        return []
    kept = _kept(n)
    middle = _median(np.moveaxis(kept, 3, 1).reshape(-1, *kept.shape[1:3]), axis=0)
    picture = figures_3d.by_view(middle, n.views, n.skeleton.keypoints)
    caption = (
        "Median distance between what a camera saw and where the 3D point appears in it, px; "
        "observations that were left out do not count."
    )
    parts = [figure(to_svg(picture), caption)]
    if n.told is not None and len(n.times) > 1:
        told = n.told.reshape(len(n.times), -1)
        error = _median(kept.reshape(*kept.shape[:2], -1), axis=2)
        colours = orbit.camera_colours(len(n.views))
        drawn = figures_3d.course(n.times, told, error, n.views, colours)
        words = (
            "Above: where fewer than two views tell a keypoint, its place comes from the "
            "frames around it and from the body. Below: a view that rises and stays high was "
            "moved, or went out of step."
        )
        parts.append(figure(to_svg(drawn), words))
    return [section("Reprojection error", *parts)]


def _bones(made: Reconstruction, n: _Numbers) -> list[Markup]:
    """Lengths that should not vary, and how much tracks tremble."""
    pairs = n.skeleton.bones
    if not pairs:
        return []
    names = [f"{n.skeleton.keypoints[a]} – {n.skeleton.keypoints[b]}" for a, b in pairs]
    colours = keypoint_colours(n.skeleton)[[b for _, b in pairs]]
    caption = (
        "Boxes hold the middle half of the frames, lines nine tenths, the stroke is the "
        "median. Bones do not change their length: a variation far above the others speaks of "
        "an end that is found badly. Soft parts (spine, tail) do vary."
    )
    parent, child = np.array(pairs).T
    drawn = []
    for k, name in enumerate(n.individuals):
        ends = n.xyz[:, k]
        lengths = np.linalg.norm(ends[:, child] - ends[:, parent], axis=-1)
        picture = to_svg(figures_3d.bones(lengths, names, colours, n.units))
        who = f"{name}. " if len(n.individuals) > 1 else ""
        drawn.append(figure(picture, who + ("" if k else caption)))
    parts = drawn[:1]
    if drawn[1:]:
        parts.append(el("details", el("summary", "The other animals"), *drawn[1:]))
    if made.jitter:
        unit = f"{_unit(n.units)}/s³"
        each = [f"{who} {_thousands(value)} {unit}" for who, value in made.jitter.items()]
        words = ", ".join(each)
        text = (
            f"Jitter (root mean square third derivative): {words}. It compares settings on one "
            "recording, not animals."
        )
        parts.append(el("p", text))
    return [section("Bones and jitter", *parts)]


def _certainty(n: _Numbers) -> list[Markup]:
    """Standard deviations by keypoint."""
    if n.sd is None:
        return []
    names, colours = n.skeleton.keypoints, keypoint_colours(n.skeleton)
    sd = n.sd.reshape(-1, len(names))
    picture = to_svg(figures_3d.certainty(sd, names, colours, n.units))
    rows = []
    for j, name in enumerate(names):
        told = "–" if n.told is None else f"{n.told[..., j].mean():.1f}"
        filled = "–" if n.told is None else _percent(float((n.told[..., j] < DOUBT).mean()))
        found = np.isfinite(n.xyz[..., j, :]).all(axis=-1).mean()
        values = [_digits(_one(sd[:, j], q)) for q in (50, 95)]
        rows.append([swatch(colours[j], name), _percent(float(found)), told, filled, *values])
    unit = _unit(n.units)
    head = ("keypoint", "has a place", "views, mean", "told by no view",
            f"median sd, {unit}", f"95 % are below, {unit}")  # fmt: skip
    caption = (
        "Boxes hold the middle half of the frames, lines nine tenths, the stroke is the "
        "median. A point that no view tells is a guess from its neighbours in time and body; "
        "its standard deviation says how good a guess."
    )
    return [
        section(
            "How sure each keypoint's place is", figure(picture, caption), table(head, rows)
        )
    ]


def _origin(settings: str, provenance: Mapping[str, Any]) -> list[Markup]:
    if not settings and not provenance:
        return []
    rows = [[name.replace("_", " "), _said(value)] for name, value in provenance.items()]
    parts = [el("div", table(("what", "value"), rows), class_="plain")] if rows else []
    if settings:
        parts.append(el("details", el("summary", "All settings"), el("pre", settings)))
    return [section("Where this came from", *parts)]


def _said(value: Any) -> str:
    """Say a value of the provenance, without what is not set."""
    if isinstance(value, Mapping):
        known = {key: entry for key, entry in value.items() if entry is not None}
        return ", ".join(f"{key} {_said(entry)}" for key, entry in known.items())
    if isinstance(value, list | tuple):
        return "; ".join(_said(entry) for entry in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _kept(n: _Numbers) -> Float[np.ndarray, "T V J N"]:
    """Errors of observations that were used."""
    error = np.asarray(n.error)
    return error if n.outlier is None else np.where(n.outlier > DOUBT, np.nan, error)


def _one(values: np.ndarray, percent: float) -> float:
    """A percentile of what is known; NaN of nothing."""
    known = values[np.isfinite(values)]
    return float(np.percentile(known, percent)) if len(known) else float("nan")


def _median(values: np.ndarray, axis: int) -> np.ndarray:
    """Medians along an axis; NaN where nothing is known, without a warning."""
    order = np.sort(np.moveaxis(values, axis, 0), axis=0)  # NaN goes last
    count = np.isfinite(order).sum(axis=0)
    low = np.take_along_axis(order, np.maximum(count - 1, 0)[None] // 2, 0)[0]
    high = np.take_along_axis(order, np.minimum(count // 2, len(order) - 1)[None], 0)[0]
    return np.asarray(np.where(count > 0, (low + high) / 2, np.nan))


def _unit(units: str) -> str:
    return "units" if units == "unknown" else units


def _thousands(value: float) -> str:
    """Say a number in groups of three digits; small ones with three digits."""
    return f"{value:,.0f}".replace(",", "\u202f") if abs(value) >= 100 else f"{value:.3g}"


def _digits(value: float) -> str:
    """Say a number with three digits, zeros too."""
    return "–" if not np.isfinite(value) else f"{value:#.3g}".rstrip(".")


def _percent(value: float) -> str:
    """Say a share; few are not none, and not all are not all."""
    if 0 < value < 0.001:
        return "< 0.1 %"
    if 0.999 < value < 1:
        return "> 99.9 %"
    return f"{100 * value:.1f} %" if value < 0.995 else f"{100 * value:.0f} %"
