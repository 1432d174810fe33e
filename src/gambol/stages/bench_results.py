"""What a comparison of networks found: table, page, and a few lines for people.

reads   RUN/tested.npz, RUN/bench.json, RUN/log.jsonl, RUN/split.csv of every training
writes  out/table.csv, out/result.json, out/report.html
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gambol.core.labels import Labels
from gambol.io import provenance, store
from gambol.io import run as io_run
from gambol.pose import rivals
from gambol.pose.rivals import Interval, Tested
from gambol.stages import bench_jobs, train
from gambol.stages.bench_jobs import Settled
from gambol.stages.bench_runs import Done, Key, Plan
from gambol.viz import report_bench
from gambol.viz.figures_bench import Arm
from gambol.viz.report_bench import BenchPage

NEAR_S = 1.0  # frames of one stretch of this length are drawn together by the bootstrap
NO = Interval(np.nan, np.nan, np.nan)


def write(
    plan: Plan, done: Done, known: Settled, settings: str
) -> tuple[Path, Path, Path, list[dict[str, Any]], list[str], dict[str, str]]:
    """Write what was found.

    Returns:
        Folder, table and page; rows of the table, what follows from them, and failures.
    """
    out = plan.out
    rows, arms, seen = _gather(plan, done, known)
    reading = _reading(rows)
    plain = [store.nulls(row) for row in rows]
    with store.atomic(out / "table.csv") as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, lineterminator="\n")
    about = provenance.record(
        stage="bench-models", labels=str(plan.labels), device=plan.device,
        labels_hash=known.labels.content_hash(),
    )  # fmt: skip
    curves = [
        {"network": arm.name, "labels": arm.labels, "minutes": arm.minutes.tolist(),
         "val_px": arm.val_px.tolist()}
        for arm in arms
    ]  # fmt: skip
    result = {
        "rows": plain, "reading": reading, "curves": curves, "failed": done.failed,
        "folds": {
            f"fold{f + 1}": {part: len(r) for part, r in zip(split._fields, split, strict=True)}
            for f, split in plan.folds.items()
        },
        "provenance": about,
    }  # fmt: skip
    store.write_json(store.nulls(result), out / "result.json")
    cost = next(iter(done.costs.values()))
    made = BenchPage(
        name=out.resolve().name,
        arms=arms,
        rows=plain,
        reading=reading,
        frames=len(seen.truth),
        keypoints=len(known.labels.skeleton),
        folds=len(plan.folds),
        budget=f"{plan.steps} steps" if plan.steps else f"{plan.minutes:g} core-minutes",
        where=f"{cost['engine']}, {provenance.processor()}, one thread",
        failed=done.failed,
        settings=settings,
        provenance=about,
    )
    store.write_text(report_bench.build(made), out / "report.html")
    return out, out / "table.csv", out / "report.html", plain, reading, done.failed


def lines(rows: list[dict[str, Any]]) -> list[str]:
    """Lay rows out as a short table."""
    table = [("network", "frames", "mean px", "p95 px", "to the first", "ms a frame")]
    for row in rows:
        table.append((
            row["network"], f"{row['frames']:.0f}", report_bench.interval(row, "mean_px"),
            report_bench.interval(row, "p95_px", 1),
            report_bench.interval(row, "difference_mean_px", sign="+"), f"{row['ms_1']:.1f}",
        ))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in table]


def curve(runs: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Return core-minutes and mean error on validation of runs, mean over them, (E,) each."""
    minutes, errors = [], []
    for run in runs:
        log = io_run.read_log(run)
        at = dict(store.read_json(run / bench_jobs.NOTE)["at"])
        minutes.append([float(at.get(line["step"], line["minutes"])) for line in log])
        errors.append([float(line["val_px"]) for line in log])
    least = min(map(len, errors))
    means = [np.mean([one[:least] for one in some], axis=0) for some in (minutes, errors)]
    return means[0], means[1]


def _gather(
    plan: Plan, done: Done, known: Settled
) -> tuple[list[dict[str, Any]], list[Arm], Tested]:
    """Score every network and number of labels, and tell it from the first network."""
    names = list(dict.fromkeys(key.network for key in done.runs))
    rows, arms = [], []
    seen = None
    for number, name in enumerate(names):
        for count in plan.counts:
            runs = {f: done.runs[Key(name, count, f)] for f in plan.folds}
            seen = _tested(runs, known)
            first = _tested({f: done.runs[Key(names[0], count, f)] for f in plan.folds}, known)
            apart = {key: NO for key in rivals.DIFFERENCES}
            if number:
                apart = rivals.differences(seen, first)
            found = rivals.scores(seen)
            rows.append(_row(plan, done, name, count, runs, seen, {**found, **_named(apart)}))
            minutes, val_px = curve(list(runs.values()))
            errors = seen.errors
            arms.append(Arm(
                name, number, rows[-1]["frames"], errors[~np.isnan(errors)],
                found["mean_px"],
                np.array(list(rivals.by_fold(seen).values())), apart["mean_px"],
                minutes, val_px, float(done.costs[name]["ms_1"]),
            ))  # fmt: skip
    assert seen is not None
    return rows, arms, seen


def _tested(runs: dict[int, Path], known: Settled) -> Tested:
    """Join the predictions of the folds."""
    parts = []
    for run in runs.values():
        with np.load(run / bench_jobs.TESTED, allow_pickle=False) as file:
            parts.append((file["rows"], file["xy"].astype(np.float64)))
    rows = np.concatenate([part[0] for part in parts])
    truth = known.select_rows(rows)
    fold = np.repeat(list(runs), [len(part[0]) for part in parts])
    return Tested(truth, fold, np.concatenate([part[1] for part in parts]), _groups(truth))


def _groups(truth: Labels) -> np.ndarray:
    """Frames of a film that lie in the same second are alike; single images are not."""
    length = train.gaps(truth, NEAR_S)[truth.video]
    pairs = np.stack([truth.video, truth.frame // length], axis=1)
    return np.asarray(np.unique(pairs, axis=0, return_inverse=True)[1]).ravel()


def _row(
    plan: Plan,
    done: Done,
    name: str,
    count: int | None,
    runs: dict[int, Path],
    seen: Tested,
    numbers: dict[str, Interval],
) -> dict[str, Any]:
    """Return a line of the table."""
    spent = [store.read_json(run / bench_jobs.NOTE)["core_minutes"] for run in runs.values()]
    learned = [
        sum(row[0] == "train" for row in io_run.read_split(run)) for run in runs.values()
    ]
    row: dict[str, Any] = {
        "network": name,
        "labels": "all" if count is None else count,
        "frames": float(np.mean(learned)),
        "trainings": len(runs),
        "steps": done.steps[name],
        "core_minutes": float(np.mean(spent)),
    }
    for key, one in numbers.items():
        row |= {key: one.value, f"{key}_low": one.low, f"{key}_high": one.high}
    row |= {f"fold{f + 1}_px": value for f, value in rivals.by_fold(seen).items()}
    kept = ("parameters", "gflops", "scale", "field_px", "effective_px", "ms_1", "ms_16")
    return row | {key: done.costs[name][key] for key in kept}


def _named(apart: dict[str, Interval]) -> dict[str, Interval]:
    return {f"difference_{key}": one for key, one in apart.items()}


def _reading(rows: list[dict[str, Any]]) -> list[str]:
    """Say of every network how it did against the first, with the most labels."""
    most = max(row["frames"] for row in rows)
    last = [row for row in rows if row["frames"] == most]
    told = []
    for row in last[1:]:
        apart = {
            key: row[f"difference_mean_px{end}"]
            for key, end in (("value", ""), ("low", "_low"), ("high", "_high"))
        }
        told.append(rivals.sentence(row["network"], last[0]["network"], apart))
    best = min(last, key=lambda row: row["mean_px"])
    told.append(
        f"The least mean error is that of {best['network']}, {best['mean_px']:.2f} px; the "
        f"quickest is {min(last, key=lambda row: row['ms_1'])['network']}."
    )
    return told
