"""What becomes of videos that are predicted, for people; nothing heavy is imported for it."""

from pathlib import Path
from typing import Any, NamedTuple


class Predicted(NamedTuple):
    """What became of one video."""

    video: Path
    poses: Path
    frames: int
    fresh: int  # frames of this sitting; the others were kept from an earlier one
    seconds: float  # of this sitting; 0 if the result was there already
    fps: float  # of this sitting
    searched: int  # frames that were searched as a whole
    decode_share: float  # of the time of this sitting, waiting for frames
    network_share: float  # of the time of this sitting, network and peaks
    damage: str | None = None  # how much of the video is readable, where not all is


def describe(values: dict[str, Any]) -> str:
    """Say in a line a video what became of it."""
    rows = []
    for video in values["videos"]:
        if not video["seconds"]:
            rows.append(f"{video['poses']}: {video['frames']} frames, there already")
            continue
        rest = 1 - video["decode_share"] - video["network_share"]
        now = video["fresh"]
        kept = f", {now} of them now" if now < video["frames"] else ""
        rows.append(
            f"{video['poses']}: {video['frames']} frames{kept} at {video['fps']:.0f} frames/s "
            f"(decoding {video['decode_share']:.0%}, network {video['network_share']:.0%}, "
            f"rest {rest:.0%}); {video['searched']} frames searched as a whole"
        )
        if video["damage"]:
            rows.append(video["damage"])
    return "\n".join(rows)
