"""The training loop: one file, readable from top to bottom; arrays and tensors, no paths.

Everything random about step t comes from (seed, t), so a run that was killed and resumed from
its last saved state ends with the same weights, bit for bit on a CPU.
"""

import contextlib
import copy
import math
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from gambol.core import pixels
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.kernels import peaks
from gambol.nn import augment, losses, targets
from gambol.nn.model import PoseNet
from gambol.pose import dataset
from gambol.pose.dataset import Frames, Windows


class FitConfig(Config):
    """Settings of the loop. Budgets end a run cleanly, with the best weights."""

    steps: PositiveInt | None = None  # budget in steps
    minutes: PositiveFloat | None = None  # budget in minutes of the wall clock
    batch: PositiveInt = 8
    rate: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 1e-4  # none on biases and normalisation
    warm_up: PositiveInt = 200  # steps
    clip: PositiveFloat = 1.0  # norm of the gradient
    ema: float = Field(default=0.999, ge=0.0, lt=1.0)  # longest memory of the averaged weights
    evaluate_every: PositiveInt = 200  # steps; at least one pass over the frames
    patience: PositiveInt = 10  # evaluations without gain, when there is no budget
    gain: NonNegativeFloat = 0.005  # smallest relative gain that counts
    min_steps: PositiveInt = 2_000  # without a budget
    max_steps: PositiveInt = 20_000  # without a budget
    away: float = Field(default=0.25, ge=0.0, le=1.0)  # share of windows without aim
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: NonNegativeInt = 0


class Evaluated(NamedTuple):
    """One line of the log."""

    step: int
    minutes: float  # of training so far, earlier sittings included
    loss: float  # mean training loss since the last line
    val_px: float  # mean distance on validation, video pixels, every keypoint scored
    val_median_px: float
    rate: float
    samples_per_s: float
    data_share: float  # share of the time that went into making samples


class Fitted(NamedTuple):
    """What training found."""

    weights: dict[str, Tensor]  # averaged weights, best on validation
    last: dict[str, Tensor]  # raw weights of the last step
    history: list[Evaluated]
    best: int  # index into history
    reason: str  # why it stopped


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """The run was asked to stop and has saved its state."""


State = dict[str, Any]  # tensors and plain values; loads with weights_only=True


def fit(
    net: PoseNet,
    train: Frames,
    val: Frames,
    windows: Windows,
    skeleton: Skeleton,
    cfg: FitConfig,
    augmentation: augment.AugmentConfig,
    *,
    device: str = "cpu",
    state: State | None = None,
    save: Callable[[State], None] = lambda state: None,
    log: Callable[[Evaluated], None] = lambda line: None,
    stop: Callable[[], bool] = lambda: False,
    save_every_s: float = 120.0,
) -> Fitted:
    """Train until the budget is spent or nothing is gained any more.

    Args:
        net: initialised network; it is moved to `device` and changed.
        train: frames to learn from.
        val: frames that choose the best weights; the test split never comes here.
        windows: how training windows are cut.
        skeleton: names the keypoints and their mirror partners.
        cfg: settings of the loop.
        augmentation: how samples may differ from what was filmed.
        device: torch device.
        state: what `save` got last, to go on from there.
        save: keeps the state; called at every evaluation and every `save_every_s` seconds.
        log: hears of every evaluation.
        stop: asked after every step; the run saves its state and raises `Stopped`.
        save_every_s: longest time between two saves.
    """
    _check(train, val)
    run = _Run(net, cfg, device)
    if state is not None:
        run.load(state)
    every = max(cfg.evaluate_every, math.ceil(len(train.images) / cfg.batch))
    saved = time.monotonic()
    reason = run.finished()
    while reason is None:
        run.rate()
        rows = _rows(len(train.images), cfg, run.step)
        with run.clock("data"):
            batch = dataset.batch(
                train, rows, windows, augmentation, skeleton, (cfg.seed, run.step)
            )
        with run.clock("network"):
            run.update(batch)
        reason = run.finished()
        due = run.step % every == 0 or reason is not None
        if due:
            log(run.evaluate(val))
            reason = reason or run.finished()
        asked = stop()
        if due or asked or time.monotonic() - saved >= save_every_s:
            save(run.state())
            saved = time.monotonic()
        if asked and reason is None:
            raise Stopped(f"stopped at step {run.step}; the same command goes on from there")
    if run.best < 0:  # the budget was spent before the first step
        log(run.evaluate(val))
    return Fitted(run.best_weights, _cpu(net.state_dict()), run.history, run.best, reason)


def _check(train: Frames, val: Frames) -> None:
    if not len(train.images):
        raise InputError("no frames to train on; label some, or make the other splits smaller")
    if not len(val.images) or not np.isfinite(val.xy).any():
        raise InputError(
            "no frames to choose the best weights on; label more, or make the other "
            "splits smaller"
        )


class _Run:
    """The moving parts of a run."""

    def __init__(self, net: PoseNet, cfg: FitConfig, device: str) -> None:
        self.net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.cfg, self.device = cfg, torch.device(device)
        self.ema = copy.deepcopy(self.net).eval()
        self.optimiser = torch.optim.AdamW(_groups(self.net, cfg.weight_decay), lr=cfg.rate)
        self.step, self.factor, self.stale = 0, 1.0, 0
        self.history: list[Evaluated] = []
        self.best, self.best_weights = -1, _cpu(self.ema.state_dict())
        self.spent = {"data": 0.0, "network": 0.0}
        self.losses: list[float] = []
        self.minutes_before, self.started = 0.0, time.monotonic()

    @property
    def minutes(self) -> float:
        return self.minutes_before + (time.monotonic() - self.started) / 60

    @contextlib.contextmanager
    def clock(self, part: str) -> Any:
        start = time.monotonic()
        yield
        self.spent[part] += time.monotonic() - start

    def progress(self) -> float | None:
        """Share of the budget that is spent; None without a budget."""
        cfg, shares = self.cfg, []
        if cfg.steps is not None:
            shares.append(self.step / cfg.steps)
        if cfg.minutes is not None:
            shares.append(self.minutes / cfg.minutes)
        return max(shares) if shares else None

    def finished(self) -> str | None:
        """Say why the run is over; None while it is not."""
        share, cfg = self.progress(), self.cfg
        if share is not None:
            return "budget spent" if share >= 1 else None
        if self.step >= cfg.max_steps:
            return f"{cfg.max_steps} steps"
        if self.step >= cfg.min_steps and self.stale >= cfg.patience:
            return f"no gain in {self.stale} evaluations"
        return None

    def rate(self) -> float:
        """Set and return the learning rate: warm-up, then cosine to 1 % of a budget."""
        cfg, share = self.cfg, self.progress()
        warm = min(1.0, (self.step + 1) / cfg.warm_up)
        shape = self.factor if share is None else 0.505 + 0.495 * math.cos(math.pi * share)
        value = cfg.rate * warm * shape
        for group in self.optimiser.param_groups:
            group["lr"] = value
        return value

    def update(self, batch: dataset.Batch) -> None:
        """One step of the optimiser and of the averaged weights."""
        self.net.train()
        with self.autocast():
            maps = self.net(batch.image.to(self.device))
        loss = _loss(self.net, maps, batch, self.device)
        value = float(loss.detach())  # this is a CPU-GPU sync point
        if not math.isfinite(value):
            raise InputError(f"the loss is {value} at step {self.step}; use a smaller rate")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), self.cfg.clip)
        self.optimiser.step()
        self.step += 1
        self.losses.append(value)
        _average(self.ema, self.net, min(self.cfg.ema, (1 + self.step) / (10 + self.step)))

    def autocast(self) -> torch.autocast:
        """Compute convolutions in bfloat16 where the processor does so faster."""
        fast = self.cfg.precision == "bfloat16" or (
            self.cfg.precision == "auto" and supports_bfloat16(self.device)
        )
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=fast)

    def evaluate(self, val: Frames) -> Evaluated:
        """Score the averaged weights on validation and remember them if they are the best."""
        errors = distances(self.ema, val, self.device)
        total = max(sum(self.spent.values()), 1e-9)
        line = Evaluated(
            step=self.step,
            minutes=self.minutes,
            loss=float(np.mean(self.losses)) if self.losses else math.nan,
            val_px=float(np.nanmean(errors)) if np.isfinite(errors).any() else math.nan,
            val_median_px=float(np.nanmedian(errors))
            if np.isfinite(errors).any()
            else math.nan,
            rate=self.optimiser.param_groups[0]["lr"],
            samples_per_s=len(self.losses) * self.cfg.batch / total,
            data_share=self.spent["data"] / total,
        )
        self.losses, self.spent = [], {"data": 0.0, "network": 0.0}
        best = self.history[self.best].val_px if self.best >= 0 else math.inf
        self.stale = 0 if line.val_px < best * (1 - self.cfg.gain) else self.stale + 1
        self.history.append(line)
        if line.val_px < best:
            self.best, self.best_weights = len(self.history) - 1, _cpu(self.ema.state_dict())
        if self.stale and self.stale % 5 == 0:  # where there is no budget to follow
            self.factor /= 2
        return line

    def state(self) -> State:
        return {
            "net": _cpu(self.net.state_dict()),
            "ema": _cpu(self.ema.state_dict()),
            "best_weights": self.best_weights,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "factor": self.factor,
            "stale": self.stale,
            "best": self.best,
            "minutes": self.minutes,
            "losses": self.losses,
            "history": [tuple(line) for line in self.history],
        }

    def load(self, state: State) -> None:
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best_weights, self.best = state["best_weights"], state["best"]
        self.step, self.factor, self.stale = state["step"], state["factor"], state["stale"]
        self.losses, self.minutes_before = list(state["losses"]), state["minutes"]
        self.history = [Evaluated(*line) for line in state["history"]]


def distances(net: PoseNet, frames: Frames, device: torch.device) -> Float[np.ndarray, "N J"]:
    """Distance of every labelled keypoint to the peak of its map, in video pixels."""
    found = np.stack([forward(net, image, device).xy for image in frames.images])
    xy = np.stack([pixels.apply(m, p) for m, p in zip(frames.to_video, found, strict=True)])
    truth = np.stack(
        [pixels.apply(m, p) for m, p in zip(frames.to_video, frames.xy, strict=True)]
    )
    return np.linalg.norm(xy - truth, axis=-1)


@torch.no_grad()
def forward(net: PoseNet, image: np.ndarray, device: torch.device) -> peaks.Peaks:
    """Find the peaks of one whole frame; positions and covariances in network pixels."""
    net.eval()
    padded = dataset.letterbox(image, net.multiple)
    tensor = torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)))[None]
    maps = net(tensor.to(device))[0].float().cpu().numpy()
    return to_pixels(maps, net.stride, net.spec.sigma, (image.shape[1], image.shape[0]))


def to_pixels(
    maps: Float[np.ndarray, "J h w"], stride: int, sigma: float, size: tuple[int, int]
) -> peaks.Peaks:
    """Find peaks within an image of this width and height, in its pixels."""
    w, h = -(-size[0] // stride), -(-size[1] // stride)
    found = peaks.find(maps[:, :h, :w], sigma / stride)
    grid = pixels.cells(stride)
    return peaks.Peaks(
        pixels.apply(grid, found.xy),
        found.height,
        pixels.apply_covariance(grid, found.cov),
    )


def supports_bfloat16(device: torch.device) -> bool:
    """Tell whether bfloat16 convolutions are native and so worth their rounding."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and _cpu_bf16()


def _cpu_bf16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _loss(
    net: PoseNet, maps: Tensor, batch: dataset.Batch, device: torch.device
) -> Float[Tensor, ""]:
    stride, sigma = net.stride, net.spec.sigma
    start = (stride - 1) // 2
    valid = batch.valid[:, start::stride, start::stride].to(device)
    target = targets.draw(batch.xy.to(device), batch.weight.to(device), valid, stride, sigma)
    return losses.map_mse(maps, target, stride, sigma)


def _rows(n: int, cfg: FitConfig, step: int) -> Int[np.ndarray, " B"]:
    """The frames of a step: one shuffled pass after the other."""
    places = np.arange(step * cfg.batch, (step + 1) * cfg.batch)
    orders = {
        int(p): np.random.default_rng([cfg.seed, int(p), 0, 1]).permutation(n)
        for p in np.unique(places // n)
    }
    return np.array([orders[int(p // n)][p % n] for p in places])


def _groups(net: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Decay weights, not biases and normalisation."""
    weights = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


@torch.no_grad()
def _average(ema: nn.Module, net: nn.Module, decay: float) -> None:
    """Ema ← decay · ema + (1 - decay) · net; counters are copied."""
    for mine, theirs in zip(ema.state_dict().values(), net.state_dict().values(), strict=True):
        if mine.is_floating_point():
            mine.lerp_(theirs, 1 - decay)
        else:
            mine.copy_(theirs)


def _cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}
