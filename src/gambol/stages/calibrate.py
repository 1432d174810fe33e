"""Stage `calibrate`: pictures of a board, or 2D poses of the animal, to a calibrated rig.

reads   sources   a folder of images or a film a camera, or one folder of these; without a board
                  2D poses, one file a camera (`stages.selfcalibrate`)
        board     what was shown (`io.board_file`)
        start     without a board: cameras with their lenses, and roughly where they are
writes  out                     the rig, an anipose calibration (.toml)
        out with .report.json   every check and number
        out with .report.html   the same as a page to look at

What is found in pictures is kept beside `out` until it is written, so a killed run goes on.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from gambol.core.board import Board
from gambol.core.cameras import Rig
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, silent
from gambol.io import board_file, calibration, provenance, store
from gambol.io.sightings import Kept
from gambol.multiview import align, boards, rig_check, selfcalibrate
from gambol.multiview import calibrate as method
from gambol.multiview.bundle import Bundle
from gambol.multiview.findings import Limits
from gambol.stages import board_films, rig_report, selfcalibration

KEYPOINTS_RMS = 5.0  # px; keypoints of an animal are never as exact as corners of a board


class CalibrateConfig(Config):
    """Settings of the stage."""

    lens: Literal["pinhole", "fisheye"] = "pinhole"  # of all cameras but those named below
    lenses: dict[str, Literal["pinhole", "fisheye"]] = {}  # by camera
    focal: dict[str, PositiveFloat] = {}  # px, of cameras whose focal length is known
    mirrored: tuple[str, ...] = ()  # cameras whose pictures have to be flipped left to right
    units: Literal["mm", "um", "cm", "m"] | None = None  # of a board file that states none
    frames: PositiveInt = 300  # moments that are looked at, at most
    floor: int | None = Field(default=None, ge=0)
    # moment (number of the image or frame) at which the board lay on the floor: z is then 0
    # there and +z up; null: up is guessed from how the cameras stand
    bundle: Bundle = Bundle()
    animal: selfcalibrate.SelfCalibration = selfcalibrate.SelfCalibration()  # without a board
    known: selfcalibration.Known | None = None  # a length of the animal that sets the scale


class Result(NamedTuple):
    """What was made."""

    calibration: Path
    report: Path
    cameras: tuple[str, ...]
    frames: int  # moments that were used
    units: str
    median_px: float  # of the distances of all corners or keypoints
    rms_px: dict[str, float]  # by camera
    findings: tuple[str, ...]  # what is flagged
    remarks: tuple[str, ...]


def run(
    cfg: CalibrateConfig,
    sources: list[Path],
    out: Path,
    *,
    board: Path | None = None,
    start: Path | None = None,
    assign: Mapping[str, Path] | None = None,
    progress: Progress = silent,
) -> Result:
    """Calibrate, unless `out` was made from just this.

    Args:
        cfg: settings.
        sources: pictures of the board, or 2D poses.
        out: the calibration (.toml).
        board: file that describes the board; None: calibrate from the animal.
        start: without a board, a rough calibration.
        assign: camera name to folder or film.
        progress: told of every picture.
    """
    if out.suffix.lower() != ".toml":
        raise InputError(f"{out} is no calibration; let its name end in .toml")
    if board is None and start is None:
        raise InputError(
            "say what was shown with --board, or give a rough calibration with --start to "
            "calibrate from the animal"
        )
    _check_target(out)
    if board is None:
        assert start is not None
        made = selfcalibration.calibrate(
            cfg.animal, cfg.known, sources, start, assign or {}, progress
        )
        return _write(cfg, out, made, {"start": str(start.resolve())})
    described = _described(cfg, board)
    films = board_films.footage(sources, assign or {}, cfg.frames)
    kept = Kept(out)
    looked = board_films.look(films, described, cfg.mirrored, kept, progress)
    made = _from_board(cfg, looked)
    result = _write(cfg, out, made, {"board": board_file.board_text(looked.board)})
    kept.remove()
    return result


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines how good the calibration is."""
    fits = ", ".join(f"{name} {rms:.2f}" for name, rms in values["rms_px"].items())
    rows = [
        f"{values['calibration']}: {len(values['cameras'])} cameras from {values['frames']} "
        f"moments, lengths in {values['units']}",
        f"median distance {values['median_px']:.2f} px; root mean square by camera, px: {fits}",
    ]
    rows += [f"flagged: {sentence}" for sentence in values["findings"]]
    rows += [] if values["findings"] else ["nothing is flagged"]
    return "\n".join(
        [*rows, *(f"note: {remark}" for remark in values["remarks"]), f"see {values['report']}"]
    )


def _described(cfg: CalibrateConfig, path: Path) -> Board:
    """Read the board, its unit said by the settings where its file does not."""
    board = board_file.read_board(path)
    if cfg.units is None:
        return board
    if board.units not in ("unknown", cfg.units):
        raise InputError(f"{path} is in {board.units}, units says {cfg.units}; leave one out")
    return replace(board, units=cfg.units)


def _from_board(cfg: CalibrateConfig, looked: board_films.Looked) -> rig_report.Made:
    """Solve the rig from what was seen of the board."""
    chosen = boards.choose(looked.gathered, looked.board, looked.sizes)
    names = list(looked.cameras)
    for name in (*cfg.lenses, *cfg.focal, *cfg.mirrored):
        if name not in names:
            raise InputError(f"no camera {name!r}; there are {', '.join(names)}")
    solved = method.calibrate(
        chosen.sightings,
        looked.board,
        looked.sizes,
        names,
        lens={name: cfg.lenses.get(name, cfg.lens) for name in names},
        focal=cfg.focal,
        spec=cfg.bundle,
    )
    moments = chosen.frames[solved.frames]
    cameras = tuple(
        replace(camera, flip=camera.name in looked.flips) for camera in solved.rig.cameras
    )
    rig = replace(solved.rig, cameras=cameras)
    moved, remark = _world(cfg, rig, solved, moments)
    corners = np.einsum("fij,cj->fci", solved.turns, looked.board.corners())
    corners = moved.points(corners + solved.shifts[:, None])
    seen = np.isfinite(solved.residual[..., 0])
    xy = rig_report.observed(moved.rig(rig), corners, solved.residual)
    return rig_report.Made(
        moved.rig(rig),
        np.where(seen.any(1)[..., None], corners, np.nan),
        solved.residual,
        xy,
        moments,
        solved.coverage,
        solved.fit,
        f"{len(moments)} moments of a {looked.board}",
        (*looked.remarks, *solved.remarks, *remark),
        True,
        {edge.views: edge.loop_error for edge in solved.edges if not edge.in_tree},
    )


def _world(
    cfg: CalibrateConfig, rig: Rig, solved: method.Calibrated, moments: np.ndarray
) -> tuple[align.Transform, tuple[str, ...]]:
    """Where the world's axes are, and what to say about them."""
    if cfg.floor is not None:
        at = np.flatnonzero(moments == cfg.floor)
        if not len(at):
            some = ", ".join(str(m) for m in moments[:10])
            raise InputError(
                f"floor: the board was not used at moment {cfg.floor}; it was at {some} …"
            )
        return align.by_board(rig, solved.turns[at[0]], solved.shifts[at[0]]), ()
    up = guessed_up(rig)
    turned = align.by_gravity(-up)
    middle = turned.points(np.nanmean(solved.shifts, axis=0))
    told = (
        "up guessed from how the cameras stand; the origin is the middle of the board's places"
    )
    return turned._replace(shift=-middle, origin=told), (
        f"{told}; film the board on the floor and give --set floor=MOMENT for a level world",
    )


def guessed_up(rig: Rig) -> np.ndarray:
    """Return a guess at what is up: of the images' tops, or against the directions of view.

    Cameras around an animal stand upright, cameras above it look down.
    """
    tops = np.mean([-camera.turn[1] for camera in rig.cameras], axis=0)
    back = np.mean([-camera.forward for camera in rig.cameras], axis=0)
    best = tops if np.linalg.norm(tops) >= np.linalg.norm(back) else back
    return np.asarray(best / np.linalg.norm(best))


def _write(
    cfg: CalibrateConfig, out: Path, made: rig_report.Made, origin: dict[str, Any]
) -> Result:
    """Check the rig, and write it with its report."""
    limits = Limits() if made.boards else Limits(rms_px=KEYPOINTS_RMS)
    found = rig_report.judged(
        made, rig_check.check(made.rig, rig_report.evidence(made), limits)
    )
    told = {
        **origin,
        "settings": cfg.model_dump(mode="json"),
        "provenance": provenance.record(stage="calibrate"),
    }
    calibration.write(made.rig, out)
    report = out.with_name(f"{out.stem}.report.html")
    store.write_text(rig_report.page(out.stem, made, found, cfg.yaml(), told), report)
    rms = rig_report.rms(made)
    result = Result(
        out, report, tuple(made.rig), len(made.moments), made.rig.units,
        rig_report.median(made), rms, tuple(one.sentence for one in found), made.remarks,
    )  # fmt: skip
    values = {**result._asdict(), **made.told, **told, "sd": rig_report.sds(made)}
    plain = {**values, "calibration": str(out), "report": str(report)}
    store.write_json(store.nulls(plain), out.with_name(f"{out.stem}.report.json"))
    return result


def _check_target(out: Path) -> None:
    """Refuse to write over a calibration that is not ours, and say how to get it back."""
    if out.exists() and not out.with_name(f"{out.stem}.report.json").exists():
        raise InputError(
            f"{out} exists and was not made by gambol calibrate; choose another name"
        )
