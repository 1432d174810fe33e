"""Interactive 3D scenes: skeletons over time and cameras, to turn round in any browser.

A scene is HTML with its data inside: positions as 16-bit integers over the extent of the
recording, so that a step is 1/65000 of it. Long recordings are thinned to a number of frames
that the page states. It opens from a disk, without a network and without a graphics card.
"""

import base64
import json
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Rig
from gambol.core.skeleton import Skeleton
from gambol.viz import orbit
from gambol.viz.colours import hexadecimal, individual_colours, keypoint_colours
from gambol.viz.html import Markup, el, join, page
from gambol.viz.movie3d import THICK, animal_size
from gambol.viz.scene3d_script import SCRIPT, STYLE

MAX_VALUES = 3_000_000  # coordinates in a page: 8 MB of text, which every browser opens at once
TRAIL = 2.0  # s of the root's path
MISSING = -32768  # stands for NaN
_LEVELS = 65000  # steps over the extent
_NEAR_ENOUGH = 3.5  # cameras within so many radii of the animals' ball are shown from the start
_MAX_POINTS = 4000  # dots of the world that are shown
_SPEEDS = ("0.05", "0.1", "0.25", "0.5", "1", "2", "5", "10")


class Moving(NamedTuple):
    """Animals over time."""

    xyz: Float[np.ndarray, "T N J 3"]  # world units; NaN where unknown
    times: Float[np.ndarray, " T"]  # s, increasing
    skeleton: Skeleton
    names: tuple[str, ...]  # of the individuals
    confidence: Float[np.ndarray, "T N J"] | None = None  # 0 to 1; becomes opacity
    sd: Float[np.ndarray, "T N J"] | None = None  # world units, rms of the three axes


def build(
    title: str,
    moving: Moving | None,
    rig: Rig,
    *,
    points: Float[np.ndarray, "P 3"] | None = None,
    note: str = "",
    max_frames: int | None = None,
) -> str:
    """Return a whole page with one scene.

    Args:
        title: of the page.
        moving: animals; None for cameras alone.
        rig: cameras, units and up.
        points: of the world, such as corners of boards; shown as dots.
        note: a sentence below the title.
        max_frames: to which a recording is thinned; as many as fit a page if not said.
    """
    made, said = _scene(moving, rig, points, max_frames)
    words = " ".join(part for part in (note, said) if part)
    head = [el("h1", title)] + ([el("p", words, class_="soft")] if words else [])
    text = page(title, *head, made, assets())
    return text.replace("<body>", '<body class="whole">', 1)


def embed(
    moving: Moving | None,
    rig: Rig,
    *,
    points: Float[np.ndarray, "P 3"] | None = None,
    max_frames: int | None = None,
) -> Markup:
    """Return a scene to put into a page, which also has to hold `assets` once, after it."""
    made, said = _scene(moving, rig, points, max_frames)
    return join([made, el("p", said, class_="soft")]) if said else made


def assets() -> Markup:
    """Return style and script, which a page needs once, after its last scene."""
    return Markup(f"<style>{STYLE}</style><script>{SCRIPT}</script>")


def sd_of(covariance: Float[np.ndarray, "*n 3 3"]) -> Float[np.ndarray, "*n"]:
    """Return the root mean square of the standard deviations along the axes, √(tr Σ / 3)."""
    return np.asarray(np.sqrt(np.trace(covariance, axis1=-2, axis2=-1) / 3))


def thinned(frames: int, values_per_frame: int, max_frames: int | None = None) -> int:
    """Return of how many frames one is kept.

    >>> thinned(1000, 60), thinned(100_000, 60), thinned(1000, 60, 300)
    (1, 2, 4)
    """
    limit = MAX_VALUES // max(values_per_frame, 1) if max_frames is None else max_frames
    return max(-(-frames // max(limit, 1)), 1)


def _scene(
    moving: Moving | None,
    rig: Rig,
    points: Float[np.ndarray, "P 3"] | None,
    max_frames: int | None,
) -> tuple[Markup, str]:
    """The element, and what was left out."""
    shown = np.zeros((0, 3)) if points is None else points[np.isfinite(points).all(axis=1)]
    shown = shown[:: max(-(-len(shown) // _MAX_POINTS), 1)]
    data = _world(moving, rig, shown)
    said = ""
    if moving is not None:
        frames, each = len(moving.xyz), int(np.prod(moving.xyz.shape[1:]))
        stride = thinned(frames, each, max_frames)
        data |= _animals(moving, stride)
        if stride > 1:
            said = (
                f"Of {frames} frames every {_ordinal(stride)} is in this page "
                f"({data['frames']}); playing keeps true time."
            )
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    store = Markup(f'<script type="application/json">{text}</script>')
    parts = [store, _canvas(), _bar(data), el("div", "", class_="tip", data_part="tip")]
    return _element("div", *parts, class_="scene3d"), said


def _world(moving: Moving | None, rig: Rig, points: Float[np.ndarray, "P 3"]) -> dict[str, Any]:
    """What stays: cameras, floor, dots, axes, scale."""
    up = np.array(rig.up, float)
    known = [points] if moving is None else [moving.xyz.reshape(-1, 3), points]
    cloud = np.concatenate(known)
    everything = orbit.rig_scene(rig, cloud) if len(rig) else orbit.scene(cloud, up)
    ground = orbit.scene(cloud, up) if np.isfinite(cloud).all(axis=-1).any() else everything
    seen = ground if moving is not None else everything
    lines, apart = orbit.floor(seen._replace(floor=ground.floor))
    first, second, _ = seen.axes
    middle = seen.centre @ seen.axes.T
    corner = np.array([*(middle[:2] - 0.72 * seen.radius), ground.floor]) @ seen.axes
    unit = "units" if rig.units == "unknown" else rig.units
    length = 0.14 * everything.radius
    target = orbit.aim(rig) if len(rig) else seen.centre
    cameras = []
    for camera, colour in zip(rig.values(), orbit.camera_colours(len(rig)), strict=True):
        drawn, _ = orbit.outline(camera, length, target)
        cameras.append(
            {"name": camera.name, "lines": _short(drawn), 
             "colour": hexadecimal(colour)}
        )  # fmt: skip
    return {
        "frames": 0, "names": [], "keypoints": [], "bones": [], "colours": [],
        "cameras": cameras, "camerasFirst": everything.radius <= _NEAR_ENOUGH * seen.radius,
        "wide": everything.radius, "wideCentre": _short(everything.centre),
        "points": _short(points), "floor": _short(lines),
        "axes": seen.axes.tolist(), "centre": _short(seen.centre), "radius": seen.radius,
        "level": ground.floor, "corner": _short(corner), "field": orbit.FIELD,
        "letters": [orbit.letter(first), orbit.letter(second)], "azimuth": -60, "elevation": 22,
        "units": unit, "digits": max(0, 2 - int(np.floor(np.log10(seen.radius)))),
        "scaleText": f"1 square = {apart:g} {unit}", "stride": 1,
    }  # fmt: skip


def _animals(moving: Moving, stride: int) -> dict[str, Any]:
    """What moves, packed."""
    xyz = np.asarray(moving.xyz[::stride], float)
    count, joints = xyz.shape[1:3]
    known = np.isfinite(xyz).all(axis=-1)
    low = xyz[known].min(axis=0) if known.any() else np.zeros(3)
    high = xyz[known].max(axis=0) if known.any() else np.ones(3)
    scale = float((high - low).max()) / _LEVELS or 1.0
    offset = (low + high) / 2
    packed = np.where(known[..., None], np.rint((xyz - offset) / scale), MISSING)
    packed = np.nan_to_num(packed, nan=MISSING).astype("<i2")
    size = animal_size(xyz)
    alone = keypoint_colours(moving.skeleton)
    own = individual_colours(count)
    rows = [alone if count == 1 else np.repeat(own[n : n + 1], joints, 0) for n in range(count)]
    data: dict[str, Any] = {
        "frames": len(xyz), "stride": stride, "names": list(moving.names),
        "keypoints": list(moving.skeleton.keypoints),
        "bones": [list(pair) for pair in moving.skeleton.drawn],
        "colours": [[hexadecimal(c) for c in row] for row in rows],
        "xyz": _text(packed), "offset": offset.tolist(), "scale": scale,
        "times": _text(np.asarray(moving.times[::stride], "<f8")),
        "thick": THICK * size, "near": 0.85 * size, "trail": TRAIL,
        "root": moving.skeleton.roots[0],
    }  # fmt: skip
    if moving.confidence is not None:
        sure = np.clip(np.nan_to_num(moving.confidence[::stride]), 0, 1)
        data["confidence"] = _text(np.rint(255 * sure).astype(np.uint8))
    if moving.sd is not None and np.isfinite(moving.sd).any():
        sd = np.nan_to_num(moving.sd[::stride])
        step = float(np.percentile(sd, 99.9)) * 4 / 65535 or 1.0  # what is wilder is cut
        data["sd"] = _text(np.clip(np.rint(sd / step), 0, 65535).astype("<u2"))
        data["sdScale"] = step
    return data


def _canvas() -> Markup:
    label = "3D scene; drag to turn, scroll to zoom, space to play"
    return _element("canvas", tabindex="0", role="img", aria_label=label)


def _bar(data: dict[str, Any]) -> Markup:
    """Play, slider and switches, and what the keys do."""
    parts: list[Markup] = []
    if data["frames"] > 1:
        speeds = [
            Markup(f'<option value="{s}"{" selected" if s == "1" else ""}>{s} ×</option>')
            for s in _SPEEDS
        ]
        parts = [
            _element("button", "Play", type="button", data_part="play"),
            _element("input", type="range", min="0", max=str(data["frames"] - 1), value="0",
                     data_part="slider", aria_label="frame"),
            _element("output", "", data_part="time"),
            _element("select", *speeds, data_part="speed", aria_label="speed"),
        ]  # fmt: skip
    switches = [("floor", "floor")]
    if data["frames"]:
        switches += [("trail", "path"), ("follow", "follow")]
        switches += [("names", "names")] if len(data["names"]) > 1 else []
        switches += [("spread", "uncertainty (2 sd)")] if "sd" in data else []
    switches += [("cameras", "cameras")] if data["cameras"] else []
    for name, said in switches:
        box = _element("input", type="checkbox", data_part=name)
        parts.append(el("label", box, " " + said))
    keys = "Drag to turn, shift and drag to move, scroll to zoom, double click for the start."
    if data["frames"] > 1:
        keys += " Space plays, arrows step (with shift 10 frames), f follows."
    return join([el("div", *parts, class_="bar"), el("p", keys, class_="soft keys")])


def _element(name: str, *children: str, **attributes: str) -> Markup:
    """An element whose attributes may hold a hyphen, written as an underscore."""
    made = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    whole = el(name, *children, **made)
    return Markup(whole.removesuffix("</input>"))


def _text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _short(values: np.ndarray) -> Any:
    """Numbers of six digits as nested lists."""
    return [_short(v) for v in values] if values.ndim else float(f"{float(values):.6g}")


def _ordinal(number: int) -> str:
    """Say 2nd, 3rd, 4th.

    >>> _ordinal(2), _ordinal(13), _ordinal(21)
    ('2nd', '13th', '21st')
    """
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{ends.get(number % 10, 'th') if number // 10 % 10 != 1 else 'th'}"
