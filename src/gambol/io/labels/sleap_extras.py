"""What SLEAP files say besides poses: scores, suggestions, fields of videos and of the file."""

import json
import math
import re
from pathlib import Path
from typing import Any

from gambol.core.extras import WHOLE, Extras
from gambol.core.labels import Labels

FORMAT = "slp"
Place = tuple[int, int]  # video and frame
_BACKEND = ("type", "filename", "filenames", "dataset", "input_format")
_METADATA = ("version", "skeletons", "nodes", "videos", "tracks", "suggestions",
             "negative_anchors", "provenance", "format_id")  # fmt: skip
_DATASETS = re.compile(
    r"(frames|instances|metadata|points|pred_points|negative_frames|video\d+"
    r"|(provenance|sessions|suggestions|tracks|videos|skeletons|negative_frames)_json)"
)
_LISTS = ("sessions", "events", "identities", "rois", "masks", "bboxes", "centroids",
          "label_images")  # fmt: skip


def of_source(
    source: Any, path: Path, rows: list[tuple[Place, Any]], moved: list[dict[int, int]]
) -> Extras:
    """Return what a file says that labels do not hold.

    Args:
        source: the file, as an object of sleap-io.
        path: the file itself, for what sleap-io does not tell.
        rows: place and instance of every animal, N.
        moved: new numbers of the frames of each video, where they have any.
    """
    index = {id(video): k for k, video in enumerate(source.videos)}
    frames: dict[Place, dict[str, Any]] = {}
    for one in source.suggestions:
        v = index[id(one.video)]
        place = v, moved[v].get(one.frame_idx, one.frame_idx)
        frames[place] = {FORMAT: {"suggestion": plain(one.metadata)}}
    for v, video in enumerate(source.videos):
        fields = {k: x for k, x in video.backend_metadata.items() if k not in _BACKEND}
        if fields and not moved[v] and isinstance(video.filename, str):
            frames[v, WHOLE] = {FORMAT: {"backend": plain(fields)}}
    animals = tuple({FORMAT: said} if (said := _instance(one)) else {} for _, one in rows)
    provenance = {
        name: value
        for name, value in source.provenance.items()
        if name not in ("gambol", "filename")  # the second is ours: where we read it
    }
    metadata, strange = _inside(path)
    whole = {"provenance": plain(provenance), "metadata": metadata}
    whole = {name: said for name, said in whole.items() if said}
    lost = _lost(source, [one for _, one in rows], strange)
    return Extras(animals if any(animals) else (), frames, {FORMAT: whole} if whole else {},
                  tuple(lost))  # fmt: skip


def _instance(instance: Any) -> dict[str, Any]:
    """Return scores; those of points by the names of the keypoints."""
    said: dict[str, Any] = {}
    tracking = instance.tracking_score
    if tracking is not None and math.isfinite(tracking) and tracking != 0:
        said["tracking_score"] = float(tracking)
    if hasattr(instance, "score"):
        said["score"] = plain(float(instance.score))
        names, scores = instance.points["name"], instance.points["score"]
        said["points"] = plain(dict(zip(names.tolist(), scores, strict=True)))
    return said


def _inside(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Return fields of the metadata and names of datasets that sleap-io does not know."""
    import h5py

    with h5py.File(path, "r") as file:
        said = file["metadata"].attrs.get("json", "{}") if "metadata" in file else "{}"
        strange = [name for name in file if not _DATASETS.fullmatch(name)]
    told = json.loads(said)
    return {k: v for k, v in told.items() if k not in _METADATA}, sorted(strange)


def _lost(source: Any, instances: list[Any], strange: list[str]) -> list[str]:
    adopted = sum(one.from_predicted is not None for one in instances)
    found = {f"{len(there)} {name} are left out": len(there) for name in _LISTS
             if (there := getattr(source, name, []))}  # fmt: skip
    found[f"the predictions that {adopted} animals were made from are left out"] = adopted
    for name in ("identity", "category"):
        n = sum(getattr(one, name, None) is not None for one in instances)
        found[f"the {name} of {n} animals is left out; tracks are who they are"] = n
    if strange and not any(getattr(source, name, []) for name in _LISTS):
        found[f"data called {', '.join(strange)} are left out"] = len(strange)
    return [sentence for sentence, n in found.items() if n]


def plain(value: Any) -> Any:
    """Return a value as JSON holds it; NaN becomes None, what is unknown becomes text."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def give(labels: Labels, made: Any, instances: dict[int, Any]) -> None:
    """Put into an object of sleap-io what its file said, as far as it is about these labels.

    Args:
        labels: what was written into it.
        made: the object.
        instances: of each row of the labels.
    """
    import sleap_io

    for n, instance in instances.items():
        said = labels.extras.row(n, FORMAT)
        if "tracking_score" in said:
            instance.tracking_score = said["tracking_score"]
        if hasattr(instance, "score") and "score" in said:
            scores = [said["points"].get(name, 1.0) for name in labels.skeleton.keypoints]
            instance.score = _number(said["score"])
            instance.points["score"] = [_number(score) for score in scores]
    for (v, f), by_format in labels.extras.frames.items():
        words = by_format.get(FORMAT, {})
        if f == WHOLE:
            made.videos[v].backend_metadata |= words.get("backend", {})
        elif "suggestion" in words:
            one = sleap_io.SuggestionFrame(made.videos[v], f, words["suggestion"])
            made.suggestions.append(one)
    made.provenance = labels.extras.file(FORMAT).get("provenance", {}) | made.provenance


def _number(score: float | None) -> float:
    return math.nan if score is None else score


def put_inside(labels: Labels, path: Path) -> None:
    """Put fields of the metadata into a file, that sleap-io does not write."""
    import h5py

    if said := labels.extras.file(FORMAT).get("metadata"):
        with h5py.File(path, "r+") as file:
            attributes = file["metadata"].attrs
            told = said | json.loads(attributes["json"])
            attributes["json"] = json.dumps(told)
