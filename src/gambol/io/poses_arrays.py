"""Poses that other programs keep as plain arrays: HDF5, MATLAB, NumPy.

Read are `points3d.h5` of SLEAP-Anipose (`tracks`), `save_data_AVG.mat` of DANNCE (`pred`,
with space before the keypoints), and any other array whose axes somebody
names. Nothing is unpickled.
"""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError, did_you_mean

Axis = Literal["time", "individuals", "keypoints", "space"]
ORDER: tuple[Axis, ...] = ("time", "individuals", "keypoints", "space")
SUFFIXES = (".npz", ".npy", ".mat")  # besides HDF5, which is known by its first bytes
MAGIC = b"\x89HDF"
_USUAL = ("tracks", "pred")  # what SLEAP-Anipose and DANNCE call positions
_NAMES = ("node_names", "keypoints", "keypoint_names")  # of keypoints, where a file has them


class Arrays(NamedTuple):
    """Positions, and what a file says of them."""

    xy: Float[np.ndarray, "T N J d"]
    scores: Float[np.ndarray, "T N J"] | None
    keypoints: tuple[str, ...]  # none where the file does not name them


def is_array(path: Path) -> bool:
    """Tell whether a file may hold arrays."""
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as file:
        return file.read(4) == MAGIC


def read(
    path: Path,
    dataset: str | None = None,
    scores: str | None = None,
    axes: Sequence[Axis] = (),
) -> Arrays:
    """Read positions.

    Args:
        path: HDF5, MATLAB (.mat), .npz or .npy.
        dataset: name of the array; None: the one that can be meant.
        scores: name of the confidences, axes in the order of the positions; None: none.
        axes: of the array, in order, individuals only if it has them; none: time first, space
            last, or, in `pred` of DANNCE, before the keypoints.
    """
    held = _shapes(path)
    name = dataset or _chosen(path, held)
    values = _number(path, name, held)
    order = tuple(axes) or _guessed(path, name, values.shape)
    if sorted(order) not in (sorted(ORDER), sorted(set(ORDER) - {"individuals"})):
        raise InputError(
            f"axes: {', '.join(order)}; name time, keypoints, space and, where there are "
            "several animals, individuals, each once and in the order of the array"
        )
    if len(order) != values.ndim:
        raise InputError(
            f"{path}: {name} has {values.ndim} axes {values.shape}, but axes names "
            f"{len(order)}; name each of them"
        )
    xy = _ordered(values, order)
    if xy.shape[-1] not in (2, 3):
        raise InputError(
            f"{path}: {name} of shape {values.shape} would have {xy.shape[-1]} coordinates; "
            "say its axes in order (--set axes=[time,keypoints,space])"
        )
    xy[~np.isfinite(xy).all(axis=-1)] = np.nan
    sure = None if scores is None else _scores(path, scores, held, order, xy.shape)
    return Arrays(xy, sure, _keypoints(path, held, xy.shape[2]))


def _scores(
    path: Path,
    name: str,
    held: dict[str, tuple[int, ...]],
    order: tuple[Axis, ...],
    shape: tuple[int, ...],
) -> Float[np.ndarray, "T N J"]:
    values = _number(path, name, held)
    rest = tuple(axis for axis in order if axis != "space")
    if values.ndim != len(rest) or _ordered(values, rest).shape != shape[:3]:
        raise InputError(
            f"{path}: {name} of shape {values.shape} is no score for each of {shape[0]} "
            f"frames and {shape[2]} keypoints; name another array in scores"
        )
    made = _ordered(values, rest)
    if np.nanmin(made, initial=0.0) < 0.0 or np.nanmax(made, initial=0.0) > 1.0:
        raise InputError(
            f"{path}: {name} holds values from {np.nanmin(made):g} to "
            f"{np.nanmax(made):g}, which are no confidences between 0 and 1; leave scores out"
        )
    return made


def _ordered(values: np.ndarray, order: tuple[Axis, ...]) -> np.ndarray:
    """Return an array with its axes as in `ORDER`; one animal gets an axis of its own."""
    wanted = [axis for axis in ORDER if axis in order]
    made = np.moveaxis(values, [order.index(axis) for axis in wanted], range(len(wanted)))
    if "individuals" not in order:
        made = made[:, None]
    return np.array(made, np.float64)


def _guessed(path: Path, name: str, shape: tuple[int, ...]) -> tuple[Axis, ...]:
    order: tuple[Axis, ...] = ORDER if len(shape) == 4 else ("time", "keypoints", "space")
    middle = (*order[:-2], order[-1], order[-2])
    first, second = (middle, order) if name == "pred" else (order, middle)
    for guess in (first, second):
        if shape[guess.index("space")] in (2, 3):
            return guess
    raise InputError(
        f"{path}: {name} of shape {shape} has no axis of 2 or 3 coordinates at its end; say "
        "its axes in order (--set axes=[time,keypoints,space])"
    )


def _chosen(path: Path, held: dict[str, tuple[int, ...]]) -> str:
    """Return the array that can be meant."""
    fit = [
        name for name, shape in held.items()
        if len(shape) in (3, 4) and {2, 3} & set(shape[-2:]) and min(shape) > 0
    ]  # fmt: skip
    usual = [name for name in _USUAL if name in fit]
    if usual or len(fit) == 1:
        return (usual or fit)[0]
    told = ", ".join(f"{name} {shape}" for name, shape in list(held.items())[:8]) or "nothing"
    raise InputError(
        f"{path}: which array holds positions? There are {told}; name one (--set dataset=NAME)"
    )


def _number(path: Path, name: str, held: dict[str, tuple[int, ...]]) -> np.ndarray:
    if name not in held:
        hint = did_you_mean(name, list(held)) or f"; there are {', '.join(list(held)[:8])}"
        raise InputError(f"{path} holds no array {name!r}{hint}")
    values = _opened(path, lambda file: np.asarray(file[name]))
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: {name} holds no numbers; name another array")
    return values


def _held(path: Path, name: str) -> np.ndarray:
    return np.asarray(_opened(path, lambda file: np.asarray(file[name])))


def _keypoints(path: Path, held: dict[str, tuple[int, ...]], count: int) -> tuple[str, ...]:
    for name in _NAMES:
        if held.get(name) == (count,):
            found = _held(path, name)
            if found.dtype.kind in "OSU":
                return tuple(v.decode() if isinstance(v, bytes) else str(v) for v in found)
    return ()


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array of a file."""
    return _opened(path, lambda file: {name: tuple(file[name].shape) for name in file})


def _opened(path: Path, take: Callable[[Any], Any]) -> Any:
    """Open a file of any kind as arrays by name."""
    import h5py

    try:
        if is_hdf5(path):
            with h5py.File(path, "r") as file:
                return take(_Tree(file, path.suffix.lower() == ".mat"))
        if path.suffix.lower() == ".npy":
            return take({"positions": np.load(path, allow_pickle=False, mmap_mode="r")})
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return take(file)
        return take(_matlab(path))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as error:
        reason = " ".join(str(error).split())[:150]
        raise InputError(
            f"{path} cannot be read as arrays ({reason}); save plain arrays of numbers"
        ) from error


def is_hdf5(path: Path) -> bool:
    """Tell whether a file is HDF5; MATLAB's (v7.3) begins with 512 bytes of its own."""
    with path.open("rb") as file:
        if file.read(4) == MAGIC:
            return True
        file.seek(512)
        return path.suffix.lower() == ".mat" and file.read(4) == MAGIC


class _Tree:
    """The arrays of an HDF5 file and its groups, by path; MATLAB turns axes round."""

    def __init__(self, file: Any, turned: bool) -> None:
        import h5py

        self._found: dict[str, Any] = {}
        self._turned = turned

        def note(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                self._found[name] = item

        file.visititems(note)

    def __iter__(self) -> Any:
        return iter(self._found)

    def __getitem__(self, name: str) -> Any:
        item = self._found[name]
        return np.asarray(item).T if self._turned else item


def _matlab(path: Path) -> dict[str, np.ndarray]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        found = loadmat(path)
    except (MatReadError, NotImplementedError) as error:
        raise ValueError(str(error)) from error
    return {name: values for name, values in found.items() if isinstance(values, np.ndarray)}
