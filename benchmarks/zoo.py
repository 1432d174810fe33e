"""Networks of the field on the same folds and budget, and what ImageNet brings with few labels.

Uses `gambol bench-models`; what is trained is kept in `.bench/zoo`, and goes on when it was
interrupted. Core-minutes: 40 for each of three sets, 48 for transfer, and a fifth of a minute
more for every one of the 46 trainings.
"""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.record import QUICK, WORK, data, record
from gambol.core.progress import Step
from gambol.stages import bench_models, imports
from gambol.stages.bench_models import BenchConfig

MINUTES = 4.0  # of one core, of every training of the zoo
TRANSFER_MINUTES = 3.0
COUNTS = (10, 20, 40, 80)
TESTED = 2  # of the contiguous blocks
# narrowed where the published width learns little in these minutes; nothing was tuned
NETWORKS = {
    "hourglass": "usual",
    "unet": "unet(depth=5,rate=1.5)",
    "stacked-densenet": "stacked-densenet",
    "resnet": "resnet(layers=18)",
    "efficientnet-imagenet": "efficientnet(start=imagenet)",
}
PRETRAINED, SCRATCH = "efficientnet(start=imagenet)", "efficientnet"


class Set(NamedTuple):
    """A labelled set."""

    file: str  # in the folder of the data; empty: the folder itself
    nan_means: str | None  # of what it leaves empty
    folds: int
    note: str


SETS = {
    "mouse_openfield": Set("", None, 3, "92 frames"),
    "mouse_mirror": Set("CollectedData.csv", "absent", 3, "68 frames, some keypoints absent"),
    "fly_crops": Set(
        "example_annotation_set.h5", None, 3,
        "75 crops, swap table repaired; labels are accepted predictions of another network",
    ),
}  # fmt: skip


def zoo(name: str) -> None:
    """Measure all networks on one set."""
    known = SETS[name]
    source = _labels(name)
    if source is None:
        return
    cfg = _settings(list(NETWORKS.values()), MINUTES, folds=known.folds, tested=TESTED)
    made = _compare(cfg, source, WORK / "zoo" / name)
    rows = {row["network"]: row for row in made.rows}
    first = made.rows[0]["network"]
    for network, spelled in NETWORKS.items():
        if spelled not in rows:
            print(f"zoo: {network} failed on {name}: {made.failed[spelled]}", flush=True)
            continue
        row = rows[spelled]
        record(
            f"zoo.{network}.{name}.mean_px",
            row["mean_px"],
            "px",
            data=f"{name}, {known.note}, {TESTED} of {known.folds} contiguous-block folds",
            goal="report",
            interval=[row["mean_px_low"], row["mean_px_high"]],
            note=f"`{spelled}`: median {row['median_px']:.2f}, "
            f"p95 {_between(row, 'p95_px')} px, PCK@.05 {_between(row, 'pck05')}"
            f"{_swaps(row)}; {_apart(row, first)}{row['parameters'] / 1e6:.2f} M parameters, "
            f"{row['ms_1']:.1f} ms a frame on one core; {row['steps']} steps, "
            f"{row['core_minutes']:.1f} core-minutes a fold",
        )


def transfer() -> None:
    """Measure what starting from ImageNet brings at several numbers of labels."""
    source = _labels("mouse_openfield")
    if source is None:
        return
    # blocks so small, and validation so short, that 80 of the 92 frames are left to train on
    cfg = _settings(
        [PRETRAINED, SCRATCH], TRANSFER_MINUTES, folds=12, tested=TESTED, val=0.05,
        labels=COUNTS if not QUICK else COUNTS[:1],
    )  # fmt: skip
    made = _compare(cfg, source, WORK / "zoo" / "transfer")
    by = {(row["network"], row["labels"]): row for row in made.rows}
    for count in cfg.labels:
        scratch, start = by[SCRATCH, count], by[PRETRAINED, count]
        record(
            f"transfer.{count}labels.gain_px",
            scratch["difference_mean_px"],  # to the first network, which is pretrained
            "px",
            data=f"mouse_openfield, {count} frames to learn from, {cfg.tested} of {cfg.folds} "
            "contiguous-block folds",
            goal="report",
            interval=[scratch["difference_mean_px_low"], scratch["difference_mean_px_high"]],
            note="how much less efficientnet-lite0 errs that starts from ImageNet: "
            f"{_between(start, 'mean_px')} px, anew {_between(scratch, 'mean_px')} px; p95 "
            f"{start['p95_px']:.1f} and {scratch['p95_px']:.1f} px; {start['steps']} and "
            f"{scratch['steps']} steps, {TRANSFER_MINUTES:g} core-minutes each; paired "
            "bootstrap over frames; validation has four frames whatever the number of labels",
        )


def everything() -> None:
    """Measure all of it."""
    for name in SETS:
        zoo(name)
    transfer()


PARTS = {
    "zoo": everything,
    **{f"zoo-{name}": partial(zoo, name) for name in SETS},
    "transfer": transfer,
}


def _settings(networks: list[str], minutes: float, **more: Any) -> BenchConfig:
    """Return settings; where only the code is tried, of a few steps on one fold."""
    values: dict[str, Any] = {"networks": networks, "minutes": minutes, **more}
    if QUICK:
        values |= {"steps": 4, "tested": 1}
    return BenchConfig.from_values(values, "benchmarks.zoo")


def _compare(cfg: BenchConfig, source: Path, out: Path) -> bench_models.Made:
    said = [""]

    def tell(step: Step) -> None:
        line = f"{out.name}: {step.stage} {step.done // 100} of {step.total // 100}"
        if line != said[0]:
            print(line, flush=True)
        said[0] = line

    return bench_models.run(cfg, source, out, device="cpu", workers=2, progress=tell, say=print)


def _labels(name: str) -> Path | None:
    """Return the labels of a set, imported where they need it."""
    folder, known = data(name), SETS[name]
    if folder is None or not known.file:
        return folder
    project = WORK / "zoo" / "labels" / name
    if not (project / "project.db").exists():
        values = {"nan_means": known.nan_means, "repair_swap": name == "fly_crops"}
        cfg = imports.ImportConfig.from_values(values, "benchmarks.zoo")
        imports.run(cfg, folder / known.file, project)
    return project


def _between(row: dict[str, Any], key: str) -> str:
    return f"{row[key]:.2f} ({row[f'{key}_low']:.2f} to {row[f'{key}_high']:.2f})"


def _apart(row: dict[str, Any], first: str) -> str:
    if row["network"] == first:
        return ""
    ends = [row[f"difference_mean_px{end}"] for end in ("", "_low", "_high")]
    value, low, high = (f"{v:+.2f}" for v in ends)
    return f"{value} px ({low} to {high}) against {first}; "


def _swaps(row: dict[str, Any]) -> str:
    if row["swap_rate"] is None:
        return ""
    return f", {100 * row['swap_rate']:.2f} % of left/right pairs exchanged"
