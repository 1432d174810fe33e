"""How much accuracy varies with split and seed: blocks placed at random, each trained twice.

Half of the budget of `openfield`, so that ten trainings take the time of five.
"""

import numpy as np

from benchmarks import folds
from benchmarks.record import WORK, budget, data, record

SPLITS, SEEDS = 5, 2
STEPS = budget(2800, 12)


def run() -> None:
    """Measure."""
    source = data("mouse_openfield")
    if source is None:
        return
    tasks = [
        folds.Task(
            source,
            WORK / "openfield-repeats" / f"split{split}-seed{seed}",
            "block",
            split,
            5,
            (f"fit.steps={STEPS}", f"fit.seed={seed}"),
        )
        for split in range(SPLITS)
        for seed in range(SEEDS)
    ]
    seen = folds.test_all(tasks)
    error = np.linalg.norm(seen.xy - seen.labels.xy, axis=-1)
    parts = [error[seen.fold == f] for f in range(len(tasks))]
    mean = np.array(folds.by_fold(seen)).reshape(SPLITS, SEEDS)
    p95 = np.array([np.nanpercentile(part, 95) for part in parts]).reshape(SPLITS, SEEDS)
    where = f"mouse_openfield, {SPLITS} test blocks of {len(parts[0])} frames placed at random"
    for name, values in (("mean", mean), ("p95", p95)):
        among, splits, seeds = spread(values)
        record(
            f"openfield.repeats_{name}_px",
            float(values.mean()),
            "px",
            data=where,
            goal="report",
            sd=round(among, 4),
            note=f"± {among:.2f} px sd of {values.size} trainings, {SEEDS} seeds a block; "
            f"{splits:.2f} px between blocks, {seeds:.2f} px between seeds of a block; "
            f"{STEPS} steps each, half of those of `openfield.mean_px`, "
            f"{max(seen.core_minutes):.1f} core-minutes at most",
        )


def spread(values: np.ndarray) -> tuple[float, float, float]:
    """Return sds of a table (splits, seeds): of all, of the means of splits, within splits.

    >>> [round(sd, 3) for sd in spread(np.array([[1.0, 1.0], [3.0, 3.0]]))]
    [1.155, 1.414, 0.0]
    """
    within = np.sqrt(values.var(axis=1, ddof=1).mean())
    return (
        float(values.std(ddof=1)),
        float(values.mean(axis=1).std(ddof=1)),
        float(within),
    )
