"""What config.yaml of DeepLabCut says besides labels: settings, scorer, crops of videos."""

from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Any

from gambol.core.extras import WHOLE, Extras
from gambol.core.labels import Labels
from gambol.io.labels.sleap_extras import plain
from gambol.io.video.open import split_ref

FORMAT = "dlc"
_OURS = (
    "multianimalproject", "project_path", "video_sets", "bodyparts", "individuals",
    "uniquebodyparts", "multianimalbodyparts", "skeleton", "gambol",
)  # fmt: skip


def of_config(config: Mapping[str, Any], labels: Labels) -> Extras:
    """Return what a configuration says that labels do not hold."""
    said = {name: plain(value) for name, value in config.items() if name not in _OURS}
    sets = config.get("video_sets") or {}
    by_name = {PureWindowsPath(str(ref)).stem: fields for ref, fields in sets.items()}
    frames = {
        (v, WHOLE): {FORMAT: {"video": plain(fields)}}
        for v, ref in enumerate(labels.videos)
        if isinstance(fields := by_name.get(split_ref(ref)[0].stem), dict)
    }
    lost = []
    if names := config.get("uniquebodyparts"):
        told = ", ".join(map(str, names))
        lost.append(f"that {told} belong to no animal is not kept: every animal has them")
    return Extras((), frames, {FORMAT: said}, tuple(lost))


def scorer(labels: Labels, ours: str) -> str:
    """Return who labelled, as the configuration of the labels said."""
    return str(labels.extras.file(FORMAT).get("scorer") or ours)


def given(labels: Labels, config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with what another one said besides."""
    made = config | labels.extras.file(FORMAT)
    for v, ref in enumerate(labels.videos):
        made["video_sets"][ref] = labels.extras.frame(v, WHOLE, FORMAT).get(
            "video", made["video_sets"][ref]
        )
    return made
