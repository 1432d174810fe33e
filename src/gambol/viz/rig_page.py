"""The parts of the page about a calibration: findings, cameras, coverage, residuals."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.cameras import Camera, Rig
from gambol.viz import figures_rig, orbit, scene3d
from gambol.viz.figures_rig import Residuals as Residuals
from gambol.viz.html import Markup, el, figure, join, section, table
from gambol.viz.report import plural, px, swatch
from gambol.viz.svg import to_svg


class Finding(NamedTuple):
    """The outcome of one check."""

    check: str  # such as "connectivity"
    flagged: bool
    text: str  # a sentence with the number, its limit, and the remedy where it is flagged
    views: tuple[str, ...] = ()  # that it is about; empty: the whole rig


class Sd(NamedTuple):
    """How well one camera is known: standard deviations; 0 where held, NaN where unknown."""

    f: float  # relative
    centre_px: Float[np.ndarray, " 2"]  # of the principal point, px
    position: Float[np.ndarray, " 3"]  # of the camera's centre, world units
    direction: float  # of the direction of view, degrees


class Coverage(NamedTuple):
    """Which views see the same at the same time."""

    names: Sequence[str]
    shared: Int[np.ndarray, "V V"]  # frames; the diagonal is what each view sees
    component: Int[np.ndarray, " V"]  # views of one number are joined
    counted: str = "frames in which both see at least 6 of the same corners"


class Calibrated(NamedTuple):
    """A rig, and what is known about it."""

    name: str
    rig: Rig
    findings: Sequence[Finding]
    residuals: Mapping[str, Residuals]  # by camera
    coverage: Coverage | None = None
    sd: Mapping[str, Sd] | None = None  # by camera
    points: Float[np.ndarray, "P 3"] | None = None  # of the world, such as corners of boards
    method: str = ""  # a sentence: board or animal, how many frames, which lens models
    settings: str = ""  # YAML
    provenance: Mapping[str, Any] = {}


def rms(found: Residuals) -> float:
    """Return the root mean square residual (distance) of a view, px; NaN without any."""
    return float(np.sqrt((found.off**2).sum(axis=1).mean())) if len(found.off) else np.nan


def median(found: Residuals) -> float:
    """Return the median residual (distance) of a view, px; NaN without any."""
    return float(np.median(np.hypot(*found.off.T))) if len(found.off) else np.nan


def findings(found: Sequence[Finding]) -> Markup:
    """Return the section of what the checks say, the flagged ones first."""
    flagged = [f for f in found if f.flagged]
    passed = [f for f in found if not f.flagged]
    if not found:
        return section("Checks", el("p", "No check was run."))
    parts: list[Markup] = []
    if flagged:
        count = len(flagged)
        text = f"{count} {plural('check', count)} of {len(found)} ask for your attention."
        parts += [el("p", text), el("ul", *(_finding(f) for f in flagged), class_="flagged")]
    else:
        parts.append(el("p", f"All {len(found)} checks are passed."))
    if passed:
        label = "What was checked and is in order" if flagged else "What was checked"
        listed = el("ul", *(_finding(f) for f in passed))
        parts.append(el("details", el("summary", f"{label} ({len(passed)})"), listed))
    return section("Checks", *parts)


def cameras(
    rig: Rig, residuals: Mapping[str, Residuals], sd: Mapping[str, Sd] | None
) -> Markup:
    """Return the section with a table of every camera's numbers and how sure they are."""
    colours = orbit.camera_colours(len(rig))
    unit = "" if rig.units == "unknown" else f" {rig.units}"
    lens, place = [], []
    for camera, colour in zip(rig.values(), colours, strict=True):
        known = (sd or {}).get(camera.name)
        name, found = swatch(colour, camera.name), residuals.get(camera.name)
        lens.append([name, *_lens(camera, known)])
        place.append([name, *_place(camera, known, rig.units), *_fit(found)])
    words = "± is one standard deviation; “held” numbers were not fitted." if sd else ""
    head = ("camera", "model", "image, px", "focal length, px", "middle, px")
    where = f"distance to what it looks at,{unit or ' units'}"
    second = ("camera", where, f"position ±,{unit or ' units'}", "direction ±, °",
              "points", "rms, px", "median, px")  # fmt: skip
    return section(
        "Cameras",
        el("p", f"{words} Units of the world: {rig.units}." if words else
           f"Units of the world: {rig.units}."),
        table((*head, "distortion"), lens),
        table(second, place),
    )  # fmt: skip


def drawn(calibrated: Calibrated, *, interactive: bool = True) -> Markup:
    """Return the section with the rig in 3D.

    Args:
        calibrated: the rig.
        interactive: add a scene to turn round; the page then needs `scene3d.assets`.
    """
    rig = calibrated.rig
    picture = to_svg(figures_rig.rig_drawn(rig, calibrated.points))
    dots = "" if calibrated.points is None else " Dots are points that were seen."
    caption = (
        "Every pyramid is a camera: its tip is where the camera stands, its base is the image "
        f"with a mark at the upper edge.{dots} If up points down, or a camera stands "
        "where yours does not, the world's axes or that camera are wrong."
    )
    parts: list[Markup] = [figure(picture, caption)]
    if rig.origin:
        parts.append(el("p", f"The world's axes: {rig.origin}.", class_="soft"))
    if interactive:
        parts.append(scene3d.embed(None, rig, points=calibrated.points))
    return section("Where the cameras are", *parts)


def coverage(seen: Coverage) -> Markup:
    """Return the section about what views see together."""
    parts = int(seen.component.max(initial=0)) + 1
    text = "All views are joined, if over others."
    if parts > 1:
        groups = [
            ", ".join(n for n, c in zip(seen.names, seen.component, strict=True) if c == k)
            for k in range(parts)
        ]
        text = (
            f"The views fall into {parts} groups that nothing joins: {' | '.join(groups)}. "
            "Where the groups stand to each other is not known."
        )
    picture = to_svg(figures_rig.coverage(seen.names, seen.shared, seen.component))
    caption = (
        f"Numbers are {seen.counted}; on the diagonal what a view sees by itself. Orange: "
        "fewer than 5, too few to rely on; empty: none. Two views need no cell of their own "
        "if a third one joins them."
    )
    return section("What the views share", el("p", text), figure(picture, caption))


def residuals(rig: Rig, found: Mapping[str, Residuals]) -> Markup:
    """Return the section about what is left in the images."""
    some = {name: found[name] for name in rig if name in found and len(found[name].at)}
    if not some:
        return section("What is left in the images", el("p", "No residuals were kept."))
    maps = to_svg(figures_rig.residual_maps(rig, some))
    lines = to_svg(figures_rig.profiles(rig, some))
    return section(
        "What is left in the images",
        figure(maps, "Distance between where a point was found and where the calibrated "
               "camera puts it. Colour: its size in that part of the image; arrows: its mean, "
               "enlarged as said. Good maps are grey-blue with short arrows in all directions; "
               "arrows that all point outward or inward at the rim mean that the lens model is "
               "too small. White parts saw no board: there the camera is not known."),
        figure(lines, "Left and middle: a curve that rises or leaves zero towards the corner "
               "asks for more distortion terms. Right: a step means that a camera was moved, "
               "the board bent, or the views went out of step."),
    )  # fmt: skip


def _finding(found: Finding) -> Markup:
    about = f" ({', '.join(found.views)})" if found.views else ""
    mark = "▲ " if found.flagged else "✓ "
    return el("li", el("b", f"{mark}{found.check}{about}: "), found.text)


def _lens(camera: Camera, sd: Sd | None) -> list[str]:
    """Model, size, focal length, middle and distortion, as text."""
    size = "–" if camera.size is None else f"{camera.size[0]} × {camera.size[1]}"
    model = camera.kind + (", mirrored" if camera.flip else "")
    if camera.kind == "affine":
        scale = np.linalg.norm(camera.matrix[:2], axis=1).mean()
        return [model, size, f"{scale:.4g} px per unit", "–", "–"]
    m = camera.matrix
    across, down = m[0, 0], m[1, 1]
    focal = _sig(across) if abs(across / down - 1) < 1e-6 else f"{_sig(across)}, {_sig(down)}"
    middle = f"{m[0, 2]:.1f}, {m[1, 2]:.1f}"
    if sd is not None:
        focal += _give(sd.f * across, "")
        middle += _give(float(np.sqrt((sd.centre_px**2).mean())), "")
    terms = (
        ("k1", "k2", "k3", "k4") if camera.kind == "fisheye" else ("k1", "k2", "p1", "p2", "k3")
    )
    named = [f"{t} {v:.3g}" for t, v in zip(terms, camera.distortion, strict=True) if v]
    return [model, size, focal, middle, ", ".join(named) or "none"]


def _place(camera: Camera, sd: Sd | None, units: str) -> list[str]:
    """Distance, and how sure position and direction are."""
    far = "–" if camera.kind == "affine" else ""
    position, direction = "–", "–"
    if sd is not None:
        own = sd.position[np.isfinite(sd.position)]
        position = _held(float(np.sqrt((own**2).sum())) if len(own) else np.nan)
        direction = _held(sd.direction)
    return [far or _sig(float(np.linalg.norm(camera.centre))), position, direction]


def _fit(found: Residuals | None) -> list[str]:
    """Number of points, rms and median of a view's residuals."""
    if found is None:
        return ["–", "–", "–"]
    return [str(len(found.at)), px(rms(found)), px(median(found))]


def _px(value: float) -> str:
    """Say a number of pixels with its unit; a dash where there is none."""
    return f"{px(value)} px" if np.isfinite(value) else "–"


def _held(value: float) -> str:
    """Say a standard deviation."""
    return "–" if not np.isfinite(value) else "held" if value == 0 else f"{value:.2g}"


def _give(value: float, unit: str) -> str:
    """Say "± 1.2", or that it was held."""
    said = _held(value)
    return "" if said == "–" else " (held)" if said == "held" else f" ± {said}{unit}"


def _sig(value: float) -> str:
    """Four digits without an exponent."""
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.4g}"


def head(calibrated: Calibrated) -> Markup:
    """Return the title and the numbers that matter most."""
    all_off = [r.off for r in calibrated.residuals.values() if len(r.off)]
    off = np.concatenate(all_off) if all_off else np.zeros((0, 2))
    whole = Residuals(off, off, np.zeros(len(off), int))
    flagged = sum(f.flagged for f in calibrated.findings)
    cells = [
        (str(len(calibrated.rig)), "cameras"),
        (_px(median(whole)), "median distance between found and expected points"),
        (_px(rms(whole)), "root mean square of them"),
        (str(flagged), f"{plural('check', flagged)} that {'asks' if flagged == 1 else 'ask'} "
         "for attention"),
    ]  # fmt: skip
    said = [el("p", calibrated.method, class_="lead")] if calibrated.method else []
    return join(
        [
            el("h1", f"Calibration: {calibrated.name}"),
            *said,
            el("div", *(el("div", el("b", v), el("span", t)) for v, t in cells),
               class_="numbers"),
        ]
    )  # fmt: skip
