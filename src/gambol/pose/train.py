"""The training loop: one file, readable from top to bottom; arrays and tensors, no paths.

Everything random about step t comes from (seed, t), so a run that was killed and resumed from
its last saved state ends with the same weights, bit for bit on a CPU. Several processes may
share every step (`pose.distributed`); each runs this same loop and holds the same weights.

Batch normalisation is the exception to "the same step however it is shared": on GPUs its
statistics are those of all processes (SyncBatchNorm), on CPUs those of each process's own
samples, and always of the samples that pass through the network at once.
"""

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gambol.core.errors import InputError
from gambol.core.progress import Stopped as Stopped
from gambol.core.skeleton import Skeleton
from gambol.nn import augment
from gambol.nn.model import PoseNet
from gambol.pose import dataset, optimise, schedule
from gambol.pose.dataset import Frames, Windows
from gambol.pose.distributed import ALONE, Team
from gambol.pose.schedule import FitConfig as FitConfig
from gambol.pose.unlabelled import Unlabelled


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
    losses: tuple[float, ...] = ()  # the loss's summands, one per output
    samples: int = 0  # a step
    batch: int = 0  # samples at once, in one process
    precision: str = "float32"  # of convolutions
    memory_mb: float = 0.0  # largest use of the GPU so far; 0 on a CPU
    early_px: tuple[float, ...] = ()  # mean distance by the stages before the last


class Fitted(NamedTuple):
    """What training found."""

    weights: dict[str, Tensor]  # averaged weights, best on validation
    last: dict[str, Tensor]  # raw weights of the last step
    history: list[Evaluated]
    best: int  # index into history
    reason: str  # why it stopped
    others: tuple[dict[str, Tensor], ...] = ()  # averaged weights at the ends of other cycles


class Seen(NamedTuple):
    """What a step left, for whoever watches."""

    step: int
    minutes: float
    loss: float
    net: PoseNet  # averaged weights; it is looked at, never changed


State = dict[str, Any]  # tensors and plain values; loads with weights_only=True
Judge = Callable[
    [PoseNet, torch.device], Float[np.ndarray, "..."]
]  # NaN where nothing is known


def fit(
    net: PoseNet,
    train: Frames,
    judge: Judge,
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
    enough: Callable[[], bool] = lambda: False,
    heard: Callable[[Seen], None] = lambda seen: None,
    at_once: int | None = None,
    save_every_s: float = 120.0,
    name: Callable[[int], str] = str,
    team: Team = ALONE,
    borrowed: Mapping[str, float] | None = None,
    unlabelled: Unlabelled | None = None,
) -> Fitted:
    """Train until the budget is spent or nothing is gained any more.

    Args:
        net: initialised network; it is moved to `device` and changed.
        train: frames to learn from.
        judge: distances on validation that choose the best weights, in video pixels; the
            test split never comes here.
        windows: how training windows are cut.
        skeleton: names the keypoints and their mirror partners.
        cfg: settings of the loop.
        augmentation: how samples may differ from what was filmed.
        device: torch device.
        state: what `save` got last, to go on from there.
        save: keeps the state; called at every evaluation and every `save_every_s` seconds.
        log: hears of every evaluation.
        stop: asked after every step; the run saves its state and raises `Stopped`.
        enough: asked after every step; the run ends there, with the best weights.
        heard: told of every step; the time it takes counts as the run's.
        at_once: most samples that go through the network together, where memory is short; a
            step has as many as ever.
        save_every_s: longest time between two saves.
        name: says which frame a row of `train` is, for messages.
        team: the processes that share every step; only the first judges, saves and logs.
        borrowed: parameters that were taught elsewhere, and their relative rates.
        unlabelled: what frames without labels teach; its loss is the last of a step's.

    Returns:
        The same weights in every process.
    """
    if not len(train.images):
        raise InputError("no frames to train on; label some, or make the other splits smaller")
    schedule.check(cfg)
    sample = partial(dataset.batch, train, windows=windows, cfg=augmentation, skeleton=skeleton)
    run = _Run(net, cfg, device, team, borrowed or {})
    run.begin(state, partial(sample, key=(cfg.seed, 0)), at_once)
    every = max(cfg.evaluate_every, math.ceil(len(train.images) / run.chosen.samples))
    saved = time.monotonic()
    run.agree(False, False)
    reason = run.finished()
    while reason is None:
        with run.clock("data"):
            rows = order(len(train.images), run.chosen.samples, cfg.seed, run.step)
            batch = sample(rows, key=(cfg.seed, run.step), places=team.share(rows))
        with run.clock("network"):
            run.update(batch, partial(_names, rows, name), unlabelled)
        if team.first:
            heard(Seen(run.step, run.elapsed(), sum(run.losses[-1]), run.ema))
        asked, ends = run.agree(stop(), enough())
        reason = "stopped by hand" if ends else run.finished()
        # a network in the middle of a cycle is kept only where there is no other one
        over = run.cycle_ends() or reason is not None and not run.kept
        due = run.step % every == 0 or over or reason is not None
        if due:
            line = run.evaluate(judge, over)
            if team.first:
                log(line)
            reason = reason or run.finished()
        if team.first and (due or asked or time.monotonic() - saved >= save_every_s):
            save(run.state())
            saved = time.monotonic()
        if asked and reason is None:
            raise Stopped(f"stopped at step {run.step}; the same command goes on from there")
    if run.best < 0:  # the budget was spent before the first step
        line = run.evaluate(judge, True)
        if team.first:
            log(line)
    others = tuple(weights for at, weights in run.kept if at != run.best)
    last = _cpu(net.state_dict())
    return Fitted(run.best_weights, last, run.history, run.best, reason, others)


class _Run:
    """The moving parts of a run."""

    def __init__(
        self,
        net: PoseNet,
        cfg: FitConfig,
        device: str,
        team: Team,
        borrowed: Mapping[str, float],
    ) -> None:
        self.net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.cfg, self.device, self.team = cfg, torch.device(device), team
        team.copy_first(list(net.state_dict().values()))
        self.ema = copy.deepcopy(self.net).eval()
        if team.size > 1 and self.device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(self.net)  # type: ignore[no-untyped-call]
        self.precision = optimise.choose_precision(cfg.precision, self.device)
        self.optimiser = optimise.Optimiser(
            self.net, self.device, self.precision, cfg.weight_decay, team,
            schedule.relative(borrowed, cfg.encoder_rate),
        )  # fmt: skip
        self.chosen = optimise.Plan(0, 0)
        self.step, self.factor, self.stale = 0, 1.0, 0
        self.history: list[Evaluated] = []
        self.best, self.best_weights = -1, _cpu(self.ema.state_dict())
        self.cycle, self.begun = 0, 0  # cycles of the rate that are over, step of the next one
        self.kept: list[tuple[int, dict[str, Tensor]]] = []  # line of the log, weights
        self.spent = {"data": 0.0, "network": 0.0}
        self.losses: list[tuple[float, ...]] = []
        self.minutes_before, self.started = 0.0, time.monotonic()
        self.minutes = 0.0  # what all processes agreed on after the last step

    def begin(
        self,
        state: State | None,
        sample: Callable[[Int[np.ndarray, " B"]], dataset.Batch],
        at_once: int | None,
    ) -> None:
        """Go on from a state, or make a plan."""
        if state is not None:
            self.load(state)
        else:
            self.plan(sample)
        self.chosen = optimise.in_parts(self.chosen, at_once)

    def plan(self, sample: Callable[[Int[np.ndarray, " B"]], dataset.Batch]) -> None:
        """Settle how many samples a step has, by trial on a GPU."""

        def fits(batch: int) -> bool:
            if self.device.type != "cuda":
                return batch <= 8  # more samples at once gain nothing there
            some = sample(np.zeros(batch, int))
            return optimise.fits(self.ema, self.device, self.precision, some)

        cfg = self.cfg
        self.chosen = optimise.plan(cfg.batch, cfg.accumulate, fits, self.team)

    def agree(self, asked: bool, ends: bool) -> tuple[bool, bool]:
        """Have all processes see the same clock, and hear of it when one was asked to stop."""
        told = self.team.largest([self.elapsed(), float(asked), float(ends)])
        self.minutes = told[0]
        return told[1] > 0, told[2] > 0

    def elapsed(self) -> float:
        return self.minutes_before + (time.monotonic() - self.started) / 60

    @contextlib.contextmanager
    def clock(self, part: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.spent[part] += time.monotonic() - start

    def progress(self) -> float | None:
        """Share of the budget that is spent; None without a budget."""
        return schedule.spent(self.cfg, self.step, self.minutes)

    def cycle_ends(self) -> bool:
        """Tell whether the last step ended a cycle of the rate, of several."""
        ended = schedule.cycle(self.cfg, self.progress()) > self.cycle
        return self.cfg.snapshots > 1 and ended

    def done(self) -> float:
        """Share of the run, or of the fewest steps of one without a budget, that is over."""
        share = self.progress()
        return self.step / self.cfg.min_steps if share is None else share

    def holds(self) -> bool:
        """Tell whether what was taught elsewhere stays as it is in the next step."""
        return self.done() < self.cfg.freeze or self.cfg.freeze == 1

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

    def update(
        self, batch: dataset.Batch, frames: Callable[[], str], unlabelled: Unlabelled | None
    ) -> None:
        """One step of the optimiser and of the averaged weights; `frames` names the samples."""
        self.optimiser.hold(self.holds())
        with self.own_numbers():
            rate = schedule.rate(self.cfg, self.step, self.progress(), self.factor)
            clip = self.cfg.clip
            more = None
            if unlabelled is not None:
                more = partial(unlabelled, self.ema, self.done(), self.step)
            losses, skipped = self.optimiser.step(batch, self.chosen.batch, rate, clip, more)
        if not math.isfinite(sum(losses)):
            raise InputError(
                f"the loss is {sum(losses)} at step {self.step}, on the frames {frames()}; "
                "use a smaller rate, or look at these frames and their labels"
            )
        if self.optimiser.skips >= optimise.PATIENCE:
            raise InputError(
                f"no finite gradient in {self.optimiser.skips} steps up to step {self.step}, "
                f"on the frames {frames()}; set fit.precision to float32"
            )
        self.step += 1
        self.losses.append(losses)
        if not skipped:
            steps = self.step - self.begun
            decay = min(self.cfg.ema, (1 + steps) / (10 + steps))
            optimise.average(self.ema, self.net, decay)

    @contextlib.contextmanager
    def own_numbers(self) -> Iterator[None]:
        """Let dropout and its like draw from (seed, step, process), whatever came before."""
        key = np.random.SeedSequence([self.cfg.seed, self.step, self.team.rank, 2])
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(int(key.generate_state(1)[0]))
            yield

    def evaluate(self, judge: Judge, over: bool) -> Evaluated:
        """Score the averaged weights on validation and remember them if they are the best.

        Of several cycles only the ends count, and all are remembered; `over`: this is one.
        """
        early = self.early(judge) if self.team.first else ()
        px = self.team.tell(
            _mean_and_median(judge(self.ema, self.device)) if self.team.first else (0, 0)
        )
        total = max(sum(self.spent.values()), 1e-9)
        losses = np.mean(self.losses, axis=0).tolist() if self.losses else [math.nan]
        on_gpu = self.device.type == "cuda"
        line = Evaluated(
            step=self.step,
            minutes=self.minutes,
            loss=sum(losses),
            val_px=px[0],
            val_median_px=px[1],
            rate=self.optimiser.adam.param_groups[0]["lr"],
            samples_per_s=len(self.losses) * self.chosen.samples / total,
            data_share=self.spent["data"] / total,
            losses=tuple(losses),
            samples=self.chosen.samples,
            batch=self.chosen.batch,
            precision=self.precision,
            memory_mb=torch.cuda.max_memory_allocated(self.device) / 2**20 if on_gpu else 0.0,
            early_px=early,
        )
        self.losses, self.spent = [], {"data": 0.0, "network": 0.0}
        best = self.history[self.best].val_px if self.best >= 0 else math.inf
        self.stale = 0 if line.val_px < best * (1 - self.cfg.gain) else self.stale + 1
        self.history.append(line)
        one, weights = self.cfg.snapshots == 1, _cpu(self.ema.state_dict())
        if line.val_px < best and (one or over):
            self.best, self.best_weights = len(self.history) - 1, weights
        if over and not one:
            self.kept.append((len(self.history) - 1, weights))
            self.cycle = schedule.cycle(self.cfg, self.progress())
            self.begun = self.step
        if self.stale and self.stale % 5 == 0:  # where there is no budget to follow
            self.factor /= 2
        return line

    def early(self, judge: Judge) -> tuple[float, ...]:
        """Score the stages before the last."""
        found = []
        for stage in range(self.ema.backbone.stages - 1):
            self.ema.stage = stage
            found.append(_mean_and_median(judge(self.ema, self.device))[0])
        self.ema.stage = -1
        return tuple(found)

    def state(self) -> State:
        return {
            "net": _cpu(self.net.state_dict()),
            "ema": _cpu(self.ema.state_dict()),
            "best_weights": self.best_weights,
            "optimiser": self.optimiser.state(),
            "chosen": tuple(self.chosen),
            "step": self.step,
            "factor": self.factor,
            "stale": self.stale,
            "cycle": self.cycle,
            "begun": self.begun,
            "kept": self.kept,
            "best": self.best,
            "minutes": self.elapsed(),
            "losses": self.losses,
            "history": [tuple(line) for line in self.history],
        }

    def load(self, state: State) -> None:
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimiser.load(state["optimiser"])
        self.chosen = optimise.Plan(*state["chosen"])
        self.best_weights, self.best = state["best_weights"], state["best"]
        self.step, self.factor, self.stale = state["step"], state["factor"], state["stale"]
        self.cycle, self.begun, self.kept = state["cycle"], state["begun"], state["kept"]
        self.losses, self.minutes_before = list(state["losses"]), state["minutes"]
        self.history = [Evaluated(*line) for line in state["history"]]
        last, least = self.team.largest([float(self.step), -float(self.step)])
        if last != -least:
            raise InputError(
                f"the processes found states of steps {-least:.0f} and {last:.0f}; "
                "they need one run folder that all of them see"
            )


def order(n: int, samples: int, seed: int, step: int) -> Int[np.ndarray, " B"]:
    """The frames of a step: one shuffled pass after the other."""
    places = np.arange(step * samples, (step + 1) * samples)
    orders = {
        int(p): np.random.default_rng([seed, int(p), 0, 1]).permutation(n)
        for p in np.unique(places // n)
    }
    return np.array([orders[int(p // n)][p % n] for p in places])


def _names(rows: Int[np.ndarray, " B"], name: Callable[[int], str]) -> str:
    return ", ".join(name(int(row)) for row in np.unique(rows))


def _mean_and_median(errors: Float[np.ndarray, "..."]) -> tuple[float, float]:
    """NaN where nothing is known."""
    known = errors[np.isfinite(errors)]
    return (
        (float(known.mean()), float(np.median(known))) if known.size else (math.nan, math.nan)
    )


def _cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}
