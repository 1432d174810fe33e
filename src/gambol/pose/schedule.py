"""How long a network learns and how fast: the settings of training, and the rate at any time.

Snapshots: the budget is cut into cycles, in each of which the rate falls from the top to almost
nothing; the network at the end of each is kept, and prediction is their mean.

Source: Huang et al. (2017), ICLR, "Snapshot ensembles: train 1, get M for free".
"""

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import (
    Field,
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from gambol.core.config import Config
from gambol.core.errors import InputError

RATE = 3e-3
RATE_ANEW = 1e-3  # measured for a ResNet-18 on two sets, see docs/networks.md


class FitConfig(Config):
    """Settings of the loop. Budgets end a run cleanly, with the best weights."""

    steps: PositiveInt | None = None  # budget in steps
    minutes: FiniteFloat | None = Field(None, gt=0)  # budget in minutes of the wall clock
    batch: int | None = Field(None, ge=1, le=1024)
    # samples at once; null: 8 on a CPU, what fits on a GPU
    accumulate: int | None = Field(None, ge=1, le=1024)
    # batches a step; null: 1, or what makes 8 samples
    rate: PositiveFloat | None = None
    # null: 0.003; 0.001 where an encoder made for ImageNet learns from nothing
    weight_decay: NonNegativeFloat = 1e-4  # none on biases and normalisation
    warm_up: PositiveInt = 200  # steps; at most a tenth of a budget
    clip: PositiveFloat = 1.0  # norm of the gradient
    ema: float = Field(default=0.999, ge=0.0, lt=1.0)  # longest memory of the averaged weights
    evaluate_every: PositiveInt = 200  # steps; at least one pass over the frames
    patience: PositiveInt = 10  # evaluations without gain, when there is no budget
    gain: NonNegativeFloat = 0.005  # smallest relative gain that counts
    min_steps: PositiveInt = 2_000  # without a budget
    max_steps: PositiveInt = 20_000  # without a budget
    freeze: float = Field(default=0.2, ge=0.0, le=1.0)
    # share of the run, or of min_steps, in which an encoder that was taught elsewhere stays
    encoder_rate: PositiveFloat | None = None
    # its rate after that, against the others'; null: 0.1, of a ViT 0.75 and less by block
    snapshots: int = Field(default=1, ge=1, le=20)
    # times that the rate falls, each from the top; the networks at the ends predict together
    away: float = Field(default=0.25, ge=0.0, le=1.0)  # share of windows without aim
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    seed: NonNegativeInt = 0


def settle(cfg: FitConfig, encoder_anew: bool) -> FitConfig:
    """Return settings that say their rate: a deep encoder that knows nothing takes a lower one.

    >>> settle(FitConfig(), encoder_anew=True).rate
    0.001
    """
    if cfg.rate is not None:
        return cfg
    return cfg.model_copy(update={"rate": RATE_ANEW if encoder_anew else RATE})


def check(cfg: FitConfig) -> None:
    """Refuse cycles of which nobody knows how long they are."""
    if cfg.snapshots > 1 and cfg.steps is None and cfg.minutes is None:
        raise InputError(
            f"fit.snapshots={cfg.snapshots} cuts a budget into cycles, and there is none; give "
            "--steps or --minutes, or leave fit.snapshots out"
        )


def spent(cfg: FitConfig, step: int, minutes: float) -> float | None:
    """Share of the budget that is spent; None without a budget."""
    shares = []
    if cfg.steps is not None:
        shares.append(step / cfg.steps)
    if cfg.minutes is not None:
        shares.append(minutes / cfg.minutes)
    return max(shares) if shares else None


def cycle(cfg: FitConfig, share: float | None) -> int:
    """Return how many cycles are over.

    >>> [cycle(FitConfig(steps=9, snapshots=3), share) for share in (0.0, 0.32, 0.34, 1.0)]
    [0, 0, 1, 3]
    """
    return 0 if share is None else math.floor(min(share, 1.0) * cfg.snapshots)


def rate(cfg: FitConfig, step: int, share: float | None, factor: float) -> float:
    """Return the learning rate: warm-up, then cosine to 1 % of every cycle of a budget.

    Args:
        cfg: settings.
        step: number of the next step.
        share: of the budget that is spent; None without one.
        factor: what takes the place of the cosine without a budget.
    """
    top = settle(cfg, encoder_anew=False).rate
    assert top is not None  # settled
    warm = min(1.0, max((step + 1) / cfg.warm_up, 10 * cfg.snapshots * (share or 0.0)))
    if share is None:
        return top * warm * factor
    here = 1.0 if share >= 1 else share * cfg.snapshots - cycle(cfg, share)
    return top * warm * (0.505 + 0.495 * math.cos(math.pi * here))


def relative(rates: Mapping[str, float], most: float | None) -> dict[str, float]:
    """Return relative rates of what was taught elsewhere, the highest of which is `most`.

    >>> relative({"early": 0.25, "late": 0.5}, 0.1)
    {'early': 0.05, 'late': 0.1}
    """
    if most is None or not rates:
        return dict(rates)
    top = max(rates.values())
    return {name: most * (rate / top) for name, rate in rates.items()}
