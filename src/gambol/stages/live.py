"""Poses frame by frame, for experiments that answer to them: `gambol.live`.

reads   run/   a finished training of one animal, or the folder of `gambol export-model`

Memory does not grow with the number of frames, and how long each took is kept.
"""

import time
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, get_args

import numpy as np
from jaxtyping import Float, UInt8

from gambol.core import pixels
from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import exported as io_exported
from gambol.io import poses as io_poses
from gambol.io import run as io_run
from gambol.io.video.arrays import as_frame
from gambol.kernels import kalman
from gambol.kernels.kalman import Dynamics
from gambol.kernels.peaks import Peaks
from gambol.nn import engine
from gambol.nn.augment import FILL
from gambol.nn.exported_engine import ExportedEngine, Numbers, Packed
from gambol.pose import calibrate, dataset, posing, predict
from gambol.stages import predict_nets, structure

KEPT = 1000  # frames whose time is kept
AGAIN = 256  # frames after which the whole frame is searched, as `gambol predict` does
SURE = 0.5  # confidence from which a position moves what is foreseen
MEMORY = 0.25  # s that a velocity lasts where nothing is known of how an animal moves
FEWEST = 20  # positions of a keypoint that motion is learnt from
Window = Literal["whole", "follow"]
Frame = UInt8[np.ndarray, "H W"] | UInt8[np.ndarray, "H W C"]


class Ahead(NamedTuple):
    """Where keypoints will be."""

    xy: Float[np.ndarray, "J 2"]  # video pixels
    covariance: Float[np.ndarray, "J 2 2"]  # px²


class Pose(NamedTuple):
    """The pose of a frame."""

    xy: Float[np.ndarray, "J 2"]  # video pixels
    confidence: Float[np.ndarray, " J"]  # P(error <= 5 % of the animal's size)
    covariance: Float[np.ndarray, "J 2 2"]  # calibrated, px²
    presence: Float[np.ndarray, " J"]  # P(the keypoint is in the picture)
    searched: bool  # the whole frame was searched
    ahead: Ahead | None = None  # after the time that was asked for


class Latency(NamedTuple):
    """How long the last frames took, from frame to pose."""

    frames: int  # that these numbers are of
    p50_ms: float
    p95_ms: float
    worst_ms: float


class Predictor:
    """Predicts one frame after the other.

    The poses are those of `gambol predict` on the same frames. The first frame of each size
    waits for a compilation; name the `size` of frames to have it done before.
    """

    def __init__(
        self,
        network: Path | str,
        *,
        precision: Numbers = "float32",
        window: Window = "whole",
        ahead: float = 0.0,
        motion: Dynamics | None = None,
        device: str = "auto",
        threads: int = 1,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Make a network ready.

        Args:
            network: folder of a training run, or of an exported network.
            precision: float32; bfloat16, of a run if it costs no accuracy; int8, of an
                exported network that has it.
            window: search whole frames, or follow the animal, by a whole frame now and then.
            ahead: seconds that positions are foreseen by, at constant velocity.
            motion: how the animal moves, see `learn_motion`; None: about its length a second.
            device: auto, cpu, cuda …; exported networks run on the CPU.
            threads: of the CPU; 0: all.
            size: width and height of the frames that will come.

        Raises:
            InputError: the folder holds no network of one animal, or not as asked for.
        """
        check_word("precision", precision, get_args(Numbers))
        check_word("window", window, get_args(Window))
        if ahead < 0:
            raise InputError(f"ahead {ahead:g} s looks into the past; give 0 or more")
        folder = Path(network)
        kind = _Exported if io_exported.is_exported(folder) else _Run
        self._network: _Network = kind(folder, precision, window, device, threads)
        self._window = window
        self._before: list[Peaks] = []  # of the last two frames, if a window follows
        self._since = 0  # frames of this recording
        self._times = Times()
        body = self._network.body_px
        usual = Dynamics(body * float(np.sqrt(2 / MEMORY)), body, MEMORY)
        self._foresight = _Foresight(ahead, motion or usual, body) if ahead else None
        if size is not None:
            shape = (size[1], size[0], self._network.channels)
            self.warm_up(np.full(shape, FILL, np.uint8))

    @property
    def keypoints(self) -> tuple[str, ...]:
        """Names of the keypoints, in the order of the poses."""
        return self._network.skeleton.keypoints

    @property
    def latency(self) -> Latency:
        """How long frames took, of the last thousand; 0 frames: nothing was predicted yet."""
        return self._times.latency

    def warm_up(self, frame: Frame, times: int = 3) -> None:
        """Compile for frames of this size, and for its window; nothing of it is remembered."""
        small, views = self._small(frame), []
        if self._window == "follow":
            size = small.shape[1], small.shape[0]
            views = predict.views(size, self._network.window, self._network.net.multiple)
        for _ in range(times):
            self._pose(frame, self._whole(small), True)
            for width, height in views:
                self._whole(small[:height, :width])

    def reset(self) -> None:
        """Forget the animal, before frames of another recording; latencies stay."""
        self._before, self._since = [], 0
        if self._foresight is not None:
            self._foresight.reset()

    def predict(self, frame: Frame, time_s: float | None = None) -> Pose:
        """Find the animal in a frame.

        Args:
            frame: grey or RGB.
            time_s: when it was taken, s, of any clock; None: now. Only `ahead` asks for it.
        """
        start = time.perf_counter()
        now = time.monotonic() if time_s is None else time_s  # not after computing
        small = self._small(frame)
        if self._window == "whole":
            peaks, searched = self._whole(small), True
        else:
            before = self._before if self._since % AGAIN else []
            net, side = self._network.net, self._network.window
            peaks, searched = predict.go_on(net, small, before, side, self._network.limit)
            self._before = [*before[-1:], peaks]
        pose = self._pose(frame, peaks, searched)
        if self._foresight is not None:
            pose = pose._replace(ahead=self._foresight.after(pose, now))
        self._times.add(time.perf_counter() - start)
        self._since += 1
        return pose

    def _small(self, frame: Frame) -> UInt8[np.ndarray, "h w C"]:
        """Bring a frame into the colours and the scale of the network."""
        return at_scale(frame, self._network.channels, self._network.scale)

    def _whole(self, small: UInt8[np.ndarray, "h w C"]) -> Peaks:
        found = predict.several(self._network.net, small[None], self._network.limit)
        return Peaks(found.xy[0], found.height[0], found.cov[0])

    def _pose(self, frame: Frame, peaks: Peaks, searched: bool) -> Pose:
        """Carry peaks to video pixels, and say what they are worth."""
        network = self._network
        size = frame.shape[1], frame.shape[0]
        matrix = pixels.invert(dataset.from_video_map(*size, network.scale))
        _, found, sure, _ = posing.read(peaks, matrix, network.calibration, network.poser)
        return Pose(found.xy, sure.confidence, sure.covariance, sure.presence, searched)


class Times:
    """How long the last frames took; memory does not grow."""

    def __init__(self) -> None:
        self._count, self._seconds = 0, np.zeros(KEPT)

    def add(self, seconds: float) -> None:
        """Remember a frame."""
        self._seconds[self._count % KEPT] = seconds
        self._count += 1

    @property
    def latency(self) -> Latency:
        """Of the frames that are remembered."""
        known = 1e3 * self._seconds[: min(self._count, KEPT)]
        if not len(known):
            return Latency(0, 0.0, 0.0, 0.0)
        half, most = np.percentile(known, [50, 95])
        return Latency(len(known), float(half), float(most), float(known.max()))


def at_scale(frame: Frame, channels: int, scale: float) -> UInt8[np.ndarray, "h w C"]:
    """Bring a frame of a camera into the colours and the scale of a network."""
    numbers = isinstance(frame, np.ndarray) and frame.dtype == np.uint8
    if not numbers or frame.ndim not in (2, 3):
        kind = getattr(frame, "dtype", type(frame).__name__)
        raise InputError(
            f"a frame of {kind} {np.shape(frame)} cannot be predicted; give an array of "
            "uint8, (height, width) or (height, width, channels)"
        )
    return dataset.shrink(as_frame(frame, channels == 1, "the camera"), scale)


def exported_file(folder: Path, device: str) -> io_exported.ExportedFile:
    """Read what an exported network is; refuse devices that no graph runs on."""
    if device not in ("auto", "cpu"):
        raise InputError(f"{folder} runs on the CPU, not on {device}; leave device out")
    return io_exported.read(folder)


def check_word(name: str, word: str, known: tuple[str, ...]) -> None:
    """Refuse a word that is none of those known."""
    if word not in known:
        raise InputError(f"{name} {word!r} is not known; give one of {', '.join(known)}")


def learn_motion(poses: Path) -> Dynamics:
    """Learn from poses of `gambol predict` how an animal's keypoints move, for `ahead`.

    Raises:
        InputError: no keypoint was found surely in enough frames.
    """
    known = io_poses.read(poses)
    xy, cov = core_poses.xy(known)[:, 0], core_poses.covariance(known)[:, 0]
    sure = core_poses.points(known, "confidence")[:, 0] >= SURE
    times = np.asarray(known.time, np.float64)
    parts = []
    for j in range(xy.shape[1]):
        rows = sure[:, j] & np.isfinite(xy[:, j]).all(axis=-1)
        if rows.sum() >= FEWEST:
            part = xy[rows, j].astype(np.float64), times[rows], cov[rows, j].astype(np.float64)
            parts.append(part)
    if not parts:
        raise InputError(
            f"{poses} has no keypoint with {FEWEST} positions of confidence {SURE:g}; give "
            "longer or better poses"
        )
    return kalman.fit(parts)


class _Network(Protocol):
    """A network that is ready, and what its answers mean."""

    net: predict.Net
    skeleton: Skeleton
    scale: float
    channels: int
    window: int
    body_px: float
    calibration: calibrate.Calibration
    poser: posing.Poser | None
    limit: int  # peaks per keypoint that it looks at

    def __init__(
        self, folder: Path, precision: Numbers, window: str, device: str, threads: int
    ) -> None: ...


class _Run:
    """The network of a training run."""

    def __init__(
        self, folder: Path, precision: Numbers, window: str, device: str, threads: int
    ) -> None:
        run = io_run.load(folder)
        if run.model.many is not None:
            raise InputError(
                f"{folder} finds several animals and gambol.live.Predictor follows one; use "
                "gambol.live.ManyPredictor, or train on frames of one animal"
            )
        if precision == "int8":
            raise InputError(
                f"{folder} is a run, which computes in float32 or bfloat16; export it with "
                "gambol export-model --int8"
            )
        self.poser = structure.poser(run)
        self.limit = 1 if self.poser is None else posing.CANDIDATES
        self.net = predict_nets.one_animal(
            run,
            engine.choose_device(device),
            threads,
            fast=precision == "bfloat16",
            follow=window == "follow",
            candidates=1,
        )
        self.skeleton, self.scale = run.model.bones, run.model.scale
        self.channels, self.window = run.net.spec.channels, run.model.window
        self.body_px, self.calibration = run.model.body_px, structure.calibration(run)


class _Exported:
    """An exported network."""

    poser: posing.Poser | None = None
    limit: int = 1

    def __init__(
        self, folder: Path, precision: Numbers, window: str, device: str, threads: int
    ) -> None:
        file = exported_file(folder, device)
        if file.many is not None:
            raise InputError(
                f"{folder} finds several animals and gambol.live.Predictor follows one; use "
                "gambol.live.ManyPredictor"
            )
        self.skeleton, picture = file.bones, file.picture
        if window == "follow" and file.provenance["spec"]["place"]:
            raise InputError(
                f"{folder} knows places of the whole frame, which a window does not show; "
                "leave window out"
            )
        run_by = ExportedEngine(io_exported.graph(folder, file, precision), precision, threads)
        position = Packed(len(self.skeleton.keypoints))
        self.net = predict.Net(run_by, position, picture.multiple, picture.scale, pads=True)
        self.scale, self.channels, self.window = picture.scale, picture.channels, file.window
        self.body_px = file.body_px
        self.calibration = calibrate.Calibration.from_dict(file.calibration)


class _Foresight:
    """Where keypoints will be, by a Kalman filter of constant velocity."""

    def __init__(self, seconds: float, motion: Dynamics, body_px: float) -> None:
        self._seconds, self._motion, self._body = float(seconds), motion, body_px
        self.reset()

    def reset(self) -> None:
        self._beliefs: kalman.Beliefs | None = None
        self._time = 0.0

    def after(self, pose: Pose, now: float) -> Ahead:
        """Learn a pose; a keypoint that is not sure goes on as it went."""
        sure = (pose.confidence >= SURE)[:, None]
        xy = pose.xy.astype(np.float64)
        cov = pose.covariance.astype(np.float64)
        if self._beliefs is None:  # where nothing is sure, it may be a body away
            wide = np.where(sure[..., None], cov, self._body**2 * np.eye(2))
            self._beliefs = kalman.start(xy, wide, self._motion.speed)
        else:
            gone = np.full(len(xy), max(now - self._time, 0.0))
            moved = kalman.predict(self._beliefs, gone, self._motion.q, self._motion.memory)
            self._beliefs = kalman.update(moved, np.where(sure, xy, np.nan), cov)
        self._time = now
        far = np.full(len(xy), self._seconds)
        then = kalman.predict(self._beliefs, far, self._motion.q, self._motion.memory)
        return Ahead(then.mean[:, :2], then.cov[:, :2, :2])
