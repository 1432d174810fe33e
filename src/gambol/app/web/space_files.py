"""Files of the 3D screen: calibrations and 3D poses of a project, read in stretches."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import calibration, store, views
from gambol.io.detections import axis_names, open_file
from gambol.io.views_files import File, Look, open_looks
from gambol.kernels import projection
from gambol.multiview.clocks import Timing
from gambol.stages import in_step

DEEP = 4  # folders below the project that are looked into
MOST = 2000  # files that are looked at
CLOSE_PX = 0.05  # by which a distance may differ from the one in the file, to be the same
_SKIPPED = ("thumbs", "backups", "uploads")
MADE = "triangulate "


class Found(NamedTuple):
    """What lies in a project; paths by the names that addresses have."""

    rigs: dict[str, Path]
    runs: dict[str, Path]


class Moments(NamedTuple):
    """A stretch of a 3D run. NaN: not known."""

    xyz: Float32[np.ndarray, "F N J 3"]  # world units
    covariance: Float32[np.ndarray, "F N J 6"]  # xx xy xz yy yz zz
    outlier: Float32[np.ndarray, "F N J V"]  # probability
    residual: Float32[np.ndarray, "F N J V"]  # px
    xy: Float[np.ndarray, "F N J V 2"]  # px, what the views saw
    sure: Float[np.ndarray, "F N J V"]  # 0 to 1


def find(folder: Path) -> Found:
    """Look for calibrations (.toml) and 3D poses (.nc) in a project, `DEEP` folders down."""
    rigs, runs = {}, {}
    for path in _files(folder):
        name = _name(path.relative_to(folder))
        if path.suffix == ".toml" and _is_rig(path):
            rigs[f"g{name}"] = path
        elif path.suffix == ".nc" and _is_3d(path):
            runs[f"s{name}"] = path
    return Found(rigs, runs)


def rig_name(path: Path, folder: Path) -> str:
    """Return the name that a calibration of a project has in addresses."""
    return f"g{_name(path.relative_to(folder))}"


def poses_2d(folder: Path, rig: Rig, films: Mapping[str, str]) -> dict[str, Path]:
    """Return the newest 2D poses of the views of a rig.

    Args:
        folder: of the project, in which they are looked for.
        rig: its cameras.
        films: film of each camera; of a camera without one, its name in the file's counts.
    """
    found: dict[str, Path] = {}
    files = sorted(_files(folder), key=lambda path: -path.stat().st_mtime_ns)
    for path in files:
        source = source_2d(path) if path.suffix == ".nc" else None
        if source is None:
            continue
        same = [c for c, film in films.items() if source and _same_film(source, film)]
        if not source or not films:
            with contextlib.suppress(InputError):  # which names none of the cameras
                named = views.camera_of(path, rig)
                same = [named] if not films or named in films else same
        for camera in same[:1]:
            found.setdefault(camera, path)
    return {camera: found[camera] for camera in rig if camera in found}


def source_2d(path: Path) -> str | None:
    """Return the film of a file of 2D poses, empty if it names none; None for other files.

    Those that were put in step are copies, and not meant.
    """
    try:
        with open_file(path) as file:
            if "position" not in file or file.variables["position"].shape[1] != 2:
                return None
            if file.attrs.get("synchronized"):
                return None
            return str(file.attrs.get("source_file", ""))
    except (InputError, OSError, KeyError, ValueError):
        return None


def _same_film(source: str, film: str) -> bool:
    one, other = Path(source), Path(film)
    return one.resolve() == other.resolve() or (not one.exists() and one.name == other.name)


class Run3d:
    """A file of 3D poses with the 2D poses it was made from; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Read what it says of itself.

        Raises:
            InputError: it is gone or damaged, or has no cameras in it.
        """
        self.path, self.lock = path, threading.Lock()
        self.touch = path.stat().st_mtime_ns
        try:
            with open_file(path) as file:
                attrs = dict(file.attrs)
                self.individuals = axis_names(file, "individuals")
                keypoints, self.cameras = (
                    axis_names(file, "keypoints"),
                    axis_names(file, "view"),
                )
                self.times = np.asarray(file.variables["time"][:], np.float64)
            rig = calibration.parse(str(attrs["calibration"]), path).rig
        except (KeyError, OSError, ValueError) as error:
            raise InputError(
                f"{path} is no whole file of 3D poses with its cameras; triangulate again"
            ) from error
        said = attrs.get("skeleton")
        self.skeleton = Skeleton.from_dict(json.loads(said)) if said else Skeleton(keypoints)
        self.made_from, self.fps = str(attrs.get("made_from", "")), float(attrs.get("fps", 0))
        self.rig: Rig = rig.select(list(self.cameras))
        self.params = self.rig.params()
        files = json.loads(str(attrs.get("view_files", "{}")))
        self.files = {c: _here(Path(f), path) for c, f in files.items() if isinstance(f, str)}
        self.trouble: str | None = None
        self._looks: dict[str, File] | None = None

    @property
    def frames(self) -> int:
        """How many moments there are."""
        return len(self.times)

    def moments(self, first: int, stop: int) -> Moments:
        """Read moments first … stop - 1."""
        where = slice(first, stop)
        with open_file(self.path) as file:
            v = file.variables
            xyz = np.moveaxis(v["position"][where], (1, 2, 3), (3, 2, 1))
            wide = np.moveaxis(v["covariance"][where], (1, 2, 3, 4), (4, 3, 2, 1))
            doubt, far = (
                np.moveaxis(v[n][where], (1, 2, 3), (3, 2, 1))
                for n in ("outlier_probability", "reprojection_error")
            )
        rows, columns = np.triu_indices(3)
        xy, sure = self._observed(first, stop, xyz.astype(np.float64), far)
        return Moments(
            xyz.astype(np.float32),
            wide[..., rows, columns].astype(np.float32),
            doubt.astype(np.float32), far.astype(np.float32), xy, sure,
        )  # fmt: skip

    def errors(self, size: int = 4096) -> Iterator[tuple[int, Float32[np.ndarray, "F N J V"]]]:
        """Yield first moments and residuals (px) of all blocks of the file."""
        with open_file(self.path) as file:
            far = file.variables["reprojection_error"]
            for first in range(0, self.frames, size):
                yield first, np.moveaxis(far[first : first + size], (1, 2, 3), (3, 2, 1))

    def looks(self) -> dict[str, File]:
        """Open the 2D poses of every camera; those that are gone are left out, and said."""
        if self._looks is None:
            self._looks = {}
            for camera in self.cameras:
                path = self.files.get(camera)
                try:
                    if path is None:
                        raise InputError(f"no file of 2D poses is noted for {camera}")
                    self._looks[camera] = open_looks(path)
                except (InputError, OSError) as error:
                    self.trouble = f"2D poses of {camera} cannot be read: {error}"
        return self._looks

    def _observed(
        self, first: int, stop: int, xyz: np.ndarray, far: np.ndarray
    ) -> tuple[Float[np.ndarray, "F N J V 2"], Float[np.ndarray, "F N J V"]]:
        """What each view saw of each point."""
        shape = (*xyz.shape[:3], len(self.cameras))
        xy, sure = np.full((*shape, 2), np.nan), np.zeros(shape)
        image = projection.project(xyz.reshape(-1, 3), self.params).uv
        for v, camera in enumerate(self.cameras):
            file = self.looks().get(camera)
            if file is None:
                continue
            there, weight = _candidates(file, self.skeleton, first, stop)
            expected = image[v].reshape(*shape[:3], 2)
            own = len(self.individuals) == 1 and len(file.about.names) == 1
            taken = _same(there, expected, far[..., v], own)
            xy[..., v, :] = _picked(there, taken)
            sure[..., v] = np.where(taken < 0, 0.0, _picked(weight[..., None], taken)[..., 0])
        return xy, sure


def _here(path: Path, run: Path) -> Path:
    """Return where a file is now, if the project in which a run lies was moved or copied."""
    if path.exists():
        return path
    for folder in run.parents[: DEEP + 1]:
        for start in range(1, len(path.parts)):
            if (near := folder.joinpath(*path.parts[start:])).is_file():
                return near
    return path


def _candidates(
    file: File, skeleton: Skeleton, first: int, stop: int
) -> tuple[Float[np.ndarray, "F J M 2"], Float[np.ndarray, "F J M"]]:
    """What a view saw that may be each keypoint: of every animal, on either side, all peaks."""
    looks = file.looks(first, stop)
    names = list(file.about.skeleton.keypoints)
    own = np.array([names.index(k) if k in names else -1 for k in skeleton.keypoints])
    other = np.array([own[s] if s >= 0 else -1 for s in skeleton.swap])
    parts, sures = [], []
    for side in (own, other):
        for look in looks.values():
            there, sure = _peaks(look)
            there, sure = (
                _grown(there[:, side], stop - first),
                _grown(sure[:, side], stop - first),
            )
            there[:, side < 0] = np.nan
            parts.append(there)
            sures.append(sure)
    return np.concatenate(parts, 2), np.concatenate(sures, 2)


def _peaks(look: Look) -> tuple[np.ndarray, np.ndarray]:
    if look.candidates is None or look.score is None:
        return look.xy[:, :, None].copy(), look.confidence[:, :, None].copy()
    there = np.concatenate([look.xy[:, :, None], look.candidates], 2)
    return there, np.concatenate([look.confidence[:, :, None], look.score], 2)


def _grown(values: np.ndarray, frames: int) -> np.ndarray:
    """Fill up a file that is shorter than the recording."""
    short = frames - len(values)
    full = np.full((short, *values.shape[1:]), np.nan)
    return np.concatenate([values, full]) if short > 0 else values


def _same(
    there: Float[np.ndarray, "F J M 2"],
    expected: Float[np.ndarray, "F N J 2"],
    far: np.ndarray,
    own: bool,
) -> np.ndarray:
    """Return which candidate (F, N, J) is as far from the point's image as the file says.

    Animals are matched across views when a run is made, and sides may be exchanged, but no file
    keeps how: the distance tells. -1: none is; of a lone animal then its first.
    """
    away = np.linalg.norm(there[:, None] - expected[..., None, :], axis=-1)  # (F, N, J, M)
    off = np.abs(away - far[..., None])
    off = np.where(np.isfinite(off), off, np.inf)
    best = off.argmin(-1)
    taken = np.where(off.min(-1) <= CLOSE_PX, best, -1)
    if not own:
        return taken
    first = np.isfinite(there[:, None, :, 0]).all(-1)
    return np.where((taken < 0) & first, 0, taken)


def _picked(values: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Return values (F, N, J, S) of the candidates taken, out of (F, J, M, S); NaN for none."""
    every = np.broadcast_to(values[:, None], (*taken.shape, *values.shape[2:]))
    chosen = np.take_along_axis(every, np.maximum(taken, 0)[..., None, None], 3)[..., 0, :]
    return np.where((taken < 0)[..., None], np.nan, chosen)


def timing(path: Path | None) -> dict[str, Timing]:
    """Return what stands beside 2D poses that were put in step, by camera; else nothing.

    Raises:
        InputError: `clock.json` or `lags.json` is damaged.
    """
    if path is not None and (given := path.parent / in_step.NAME).is_file():
        return in_step.read(given)
    told = None if path is None else path.parent / "lags.json"
    if told is None or not told.is_file():
        return {}
    return _lags(told)


def _lags(told: Path) -> dict[str, Timing]:
    """Return what `gambol synchronize` found."""
    try:
        values = json.loads(store.read_text(told))
        drops = [(d["view"], (int(d["frame"]), int(d["frames"]))) for d in values["dropped"]]
        clock = str(values["reference"])
        lags = {str(c): float(lag or 0) for c, lag in values["lags"].items()}
        drift = {c: float(values["drift"].get(c) or 0) for c in lags}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{told} is no result of gambol synchronize; run it again") from error
    lost = {c: tuple(gap for view, gap in drops if view == c) for c in lags}
    return {
        c: Timing(lags[c], drift[c]) if c == clock
        else Timing(lags[c], drift[c], lost[c], lost.get(clock, ()))
        for c in lags
    }  # fmt: skip


def _files(folder: Path) -> Iterator[Path]:
    """Yield files of a project, nearest first; hidden and linked folders are left out."""
    level, seen = [folder], 0
    for _ in range(DEEP + 1):
        deeper = []
        for one in level:
            try:
                inside = sorted(one.iterdir())
            except OSError:
                continue
            for path in inside:
                if path.name.startswith(".") or path.name in _SKIPPED:
                    continue
                if path.is_dir() and not path.is_symlink():
                    deeper.append(path)
                elif path.suffix in (".toml", ".nc"):
                    seen += 1
                    if seen > MOST:
                        return
                    yield path
        level = deeper


def _is_rig(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"matrix" in file.read(1 << 16)
    except OSError:
        return False


def _is_3d(path: Path) -> bool:
    try:
        with open_file(path) as file:
            made = str(file.attrs.get("made_from", ""))
            return made.startswith(MADE) and "calibration" in file.attrs
    except (InputError, OSError, KeyError, ValueError):
        return False


def _name(path: Path) -> str:
    return hashlib.sha256(path.as_posix().encode()).hexdigest()[:10]
