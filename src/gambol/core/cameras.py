"""Cameras and rigs: how a point of the world comes to a pixel.

A camera's frame has x right, y down, z forward: x_c = R x + t, R kept as a Rodrigues vector.
Distortion in OpenCV's order (k1, k2, p1, p2, k3), of a fisheye (k1, k2, k3, k4). An affine
camera (telecentric, very long lens) is u = B x + m: B in the first two rows of `matrix`, m in
`translation`. Integer pixels are centres (`core.pixels`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from gambol.core import pixels
from gambol.core.errors import InputError, did_you_mean

Kind = Literal["pinhole", "fisheye", "affine"]
KINDS: tuple[Kind, ...] = ("pinhole", "fisheye", "affine")
UNITS = ("mm", "um", "cm", "m", "unknown")


@dataclass(frozen=True, eq=False)
class Camera:
    """One view of the world; compared by value."""

    name: str
    matrix: Float[np.ndarray, "3 3"]  # fx skew cx; 0 fy cy; 0 0 1, px
    rotation: Float[np.ndarray, " 3"]  # Rodrigues vector, world to camera
    translation: Float[np.ndarray, " 3"]  # world units
    distortion: Float[np.ndarray, " D"] = field(default_factory=lambda: np.zeros(5))
    kind: Kind = "pinhole"
    size: tuple[int, int] | None = None  # width, height of the image, px
    flip: bool = False  # the image is mirrored left to right before it is looked at
    extra: Mapping[str, Any] = field(default_factory=dict)  # what a file said besides

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(
                f"camera {self.name}: no kind {self.kind!r}; there are {', '.join(KINDS)}"
            )
        for name, shape in (("matrix", (3, 3)), ("rotation", (3,)), ("translation", (3,))):
            object.__setattr__(self, name, _array(getattr(self, name), shape, self.name, name))
        length = 4 if self.kind == "fisheye" else 5
        given = np.asarray(self.distortion, float).ravel()
        if len(given) > length and np.any(given[length:]):
            raise InputError(
                f"camera {self.name}: {len(given)} distortion values, of which a "
                f"{self.kind} camera takes {length}"
            )
        padded = np.zeros(length)
        padded[: len(given[:length])] = given[:length]
        object.__setattr__(self, "distortion", padded)
        if self.kind != "affine" and not (self.matrix[0, 0] > 0 and self.matrix[1, 1] > 0):
            raise InputError(f"camera {self.name}: the focal length is not above 0")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Camera) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[Any, ...]:
        arrays = (self.matrix, self.rotation, self.translation, self.distortion)
        same = tuple(tuple(a.ravel().tolist()) for a in arrays)
        return (self.name, self.kind, self.size, self.flip, *same)

    @property
    def turn(self) -> Float[np.ndarray, "3 3"]:
        """R, from the world's axes to the camera's."""
        from scipy.spatial.transform import Rotation

        return Rotation.from_rotvec(self.rotation).as_matrix()

    @property
    def centre(self) -> Float[np.ndarray, " 3"]:
        """Where the camera is, world units; NaN for an affine one, which is infinitely far."""
        if self.kind == "affine":
            return np.full(3, np.nan)
        return -self.turn.T @ self.translation

    @property
    def forward(self) -> Float[np.ndarray, " 3"]:
        """The direction of view, length 1."""
        if self.kind == "affine":
            along = np.cross(self.matrix[0], self.matrix[1])
            return along / np.linalg.norm(along)
        return self.turn[2]

    def projection(self) -> Float[np.ndarray, "3 4"]:
        """Return the 3 x 4 matrix of the camera without its distortion."""
        if self.kind == "affine":
            top = np.column_stack([self.matrix[:2], self.translation[:2]])
            return np.vstack([top, [0.0, 0.0, 0.0, 1.0]])
        return self.matrix @ np.column_stack([self.turn, self.translation])

    def params(self) -> Float[np.ndarray, " 24"]:
        """Return the row of numbers that `kernels.projection` reads."""
        row = np.zeros(24)
        row[0] = KINDS.index(self.kind)
        row[11] = np.inf
        if self.kind == "affine":
            row[12:18] = self.matrix[:2].ravel()
            row[21:23] = self.translation[:2]
            return row
        m = self.matrix
        row[1:6] = m[0, 0], m[1, 1], m[0, 2], m[1, 2], m[0, 1]
        row[6 : 6 + len(self.distortion)] = self.distortion
        row[11] = self.fold()
        row[12:21] = self.turn.ravel()
        row[21:24] = self.translation
        return row

    def fold(self) -> float:
        """Return q = a² + b² (fisheye: θ²) at which distortion folds the image back."""
        if self.kind == "fisheye":
            slopes = [1.0, *(self.distortion * [3, 5, 7, 9])]
        elif self.kind == "pinhole":
            k1, k2, _, _, k3 = self.distortion
            slopes = [1.0, 3 * k1, 5 * k2, 7 * k3]
        else:
            return float("inf")
        return first_root(np.array(slopes))

    def moved(
        self, turn: Float[np.ndarray, "3 3"], shift: Float[np.ndarray, " 3"], scale: float = 1.0
    ) -> "Camera":
        """Return the camera in a world of new axes, x' = scale · turn x + shift."""
        if self.kind == "affine":
            linear = self.matrix.copy()
            linear[:2] = self.matrix[:2] @ turn.T / scale
            m = self.translation.copy()
            m[:2] -= linear[:2] @ shift
            return replace(self, matrix=linear, translation=m)
        new = self.turn @ turn.T
        return replace(
            self, rotation=_log(new), translation=scale * self.translation - new @ shift
        )

    def resized(self, factor: float) -> "Camera":
        """Return the camera of the image resized by a factor."""
        size = None if self.size is None else (
            round(self.size[0] * factor), round(self.size[1] * factor)
        )  # fmt: skip
        return replace(self._mapped(pixels.resize(factor)), size=size)

    def cropped(self, x0: float, y0: float, size: tuple[int, int] | None = None) -> "Camera":
        """Return the camera of a part of the image whose first pixel is (x0, y0)."""
        return replace(self._mapped(pixels.crop(x0, y0)), size=size)

    def _mapped(self, affine: Float[np.ndarray, "2 3"]) -> "Camera":
        """The camera whose pixels are moved by a map that does not turn or mirror."""
        if self.kind == "affine":
            matrix, shift = self.matrix.copy(), self.translation.copy()
            matrix[:2] = affine[:, :2] @ self.matrix[:2]
            shift[:2] = pixels.apply(affine, self.translation[:2])
            return replace(self, matrix=matrix, translation=shift)
        full = np.vstack([affine, [0.0, 0.0, 1.0]])
        return replace(self, matrix=full @ self.matrix)


@dataclass(frozen=True, eq=False)
class Rig(Mapping[str, Camera]):
    """Cameras of one world, by name; compared by value."""

    cameras: tuple[Camera, ...]
    units: str = "unknown"  # of the world
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    origin: str = ""  # where the world's axes come from, for people
    extra: Mapping[str, Any] = field(default_factory=dict)  # what a file said besides

    def __post_init__(self) -> None:
        names = [camera.name for camera in self.cameras]
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(f"two cameras are named {twice[0]!r}; every camera needs its own")
        if self.units not in UNITS:
            raise InputError(f"no unit {self.units!r}; there are {', '.join(UNITS)}")
        length = float(np.linalg.norm(self.up))
        if not length > 0:
            raise InputError("up is (0, 0, 0); it must point somewhere")

    def __getitem__(self, name: str) -> Camera:
        for camera in self.cameras:
            if camera.name == name:
                return camera
        names = [camera.name for camera in self.cameras]
        hint = did_you_mean(name, names) or f"; there are {', '.join(names)}"
        raise KeyError(f"no camera {name!r}{hint}")

    def __iter__(self) -> Iterator[str]:
        return (camera.name for camera in self.cameras)

    def __len__(self) -> int:
        return len(self.cameras)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rig) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[Any, ...]:
        return (self.cameras, self.units, tuple(float(x) for x in self.up), self.origin)

    def params(self) -> Float[np.ndarray, "V 24"]:
        """Return the rows that `kernels.projection` reads, in the order of the cameras."""
        return np.array([camera.params() for camera in self.cameras]).reshape(-1, 24)

    def select(self, names: list[str]) -> "Rig":
        """Return a rig of some of the cameras, in this order."""
        return replace(self, cameras=tuple(self[name] for name in names))

    def moved(
        self, turn: Float[np.ndarray, "3 3"], shift: Float[np.ndarray, " 3"], scale: float = 1.0
    ) -> "Rig":
        """Return the rig in a world of new axes, x' = scale · turn x + shift."""
        up = turn @ np.array(self.up)
        return replace(
            self,
            cameras=tuple(camera.moved(turn, shift, scale) for camera in self.cameras),
            up=(float(up[0]), float(up[1]), float(up[2])),
        )


def from_projection(
    name: str, matrix: Float[np.ndarray, "3 4"], size: tuple[int, int] | None = None
) -> Camera:
    """Split a 3 x 4 matrix into intrinsics, rotation and translation.

    Signs are such that det R = 1 and the focal lengths are above 0; a last row of (0, 0, 0, w)
    is an affine camera.

    Source: Hartley & Zisserman (2004), 6.2.4.
    """
    from scipy.linalg import rq

    full = np.asarray(matrix, float)
    size_of = np.abs(full).max()
    if not np.abs(full[2, :3]).max() > 1e-15 * size_of:
        full = full / full[2, 3]
        linear, shift = np.eye(3), np.zeros(3)
        linear[:2], shift[:2] = full[:2, :3], full[:2, 3]
        linear[2] = 0
        return Camera(name, linear, np.zeros(3), shift, kind="affine", size=size)
    if np.linalg.det(full[:, :3]) < 0:
        full = -full
    upper, turn = rq(full[:, :3])
    signs = np.diag(np.where(np.diag(upper) < 0, -1.0, 1.0))
    upper, turn = upper @ signs, signs @ turn
    shift = np.linalg.solve(upper, full[:, 3])
    return Camera(name, upper / upper[2, 2], _log(turn), shift, size=size)


def mirrored(
    camera: Camera, normal: Float[np.ndarray, " 3"], distance: float, width: int
) -> Camera:
    """Return the proper camera of what `camera` sees in the mirror plane n · x = d, flipped.

    The image, or the part of it that shows the mirror, is `width` px wide and has to be flipped
    left to right (u becomes width - 1 - u) before points are found in it; `flip` says so.
    """
    n = np.asarray(normal, float) / np.linalg.norm(normal)
    turn = camera.turn @ (np.eye(3) - 2 * np.outer(n, n))
    shift = camera.translation + 2 * distance * camera.turn @ n
    back = np.diag([-1.0, 1.0, 1.0])
    matrix, distortion = camera.matrix.copy(), camera.distortion.copy()
    matrix[0, 2] = width - 1 - matrix[0, 2]
    matrix[0, 1] = -matrix[0, 1]
    if camera.kind == "pinhole":
        distortion[3] = -distortion[3]
    return replace(
        camera,
        matrix=matrix,
        distortion=distortion,
        rotation=_log(back @ turn),
        translation=back @ shift,
        flip=True,
    )


def first_root(coefficients: Float[np.ndarray, " C"]) -> float:
    """Return the first root above 0 of a polynomial, lowest power first; inf if there is none.

    >>> first_root(np.array([1.0, -2.0]))
    0.5
    """
    trimmed = np.trim_zeros(coefficients, "b")
    if len(trimmed) < 2:
        return float("inf")
    roots = np.polynomial.polynomial.polyroots(trimmed)
    real = roots[np.abs(roots.imag) < 1e-9 * np.maximum(1, np.abs(roots))].real
    return float(min(real[real > 0], default=np.inf))


def _log(turn: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, " 3"]:
    from scipy.spatial.transform import Rotation

    return Rotation.from_matrix(turn).as_rotvec()


def _array(value: Any, shape: tuple[int, ...], camera: str, name: str) -> np.ndarray:
    try:
        given = np.array(value, float)
    except (TypeError, ValueError) as error:
        raise InputError(f"camera {camera}: {name} holds what is no number") from error
    if given.size != np.prod(shape):
        raise InputError(
            f"camera {camera}: {name} has {given.size} values, not {np.prod(shape)}"
        )
    given = given.reshape(shape)
    if not np.isfinite(given).all():
        raise InputError(f"camera {camera}: {name} holds a value that is not finite")
    return given
