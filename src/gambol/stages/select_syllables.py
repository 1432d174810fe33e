"""Stage `select-syllables`: which of several fits to keep, and which of its syllables to trust.

reads   runs                two or more runs of fit-syllables that differ in their seed alone
writes  out/model.nc        the model of the best one, with the overlap of each state
        out/choice.csv      every fit: evidence of the others' latents, agreement with them
        out/overlap.csv     every syllable of every fit: usage, overlap, whether it is stable
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gambol.behavior import syllable_choice, syllables
from gambol.behavior.syllable_chain import Chain
from gambol.behavior.syllable_choice import STABLE, Choice
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import provenance, state_courses, store
from gambol.multiview.windows import cores
from gambol.stages import syllable_files, syllable_models
from gambol.stages.syllables_report import Seeds


class SelectConfig(Config):
    """Settings of the stage: there is nothing to set."""


class Selected(NamedTuple):
    """What was chosen."""

    out: Path
    best: Path  # the run
    eml: float  # nats a frame
    agreement: float  # mean adjusted Rand index with the others
    unstable: int  # syllables that others do not find
    rhat: float  # of the log joint


def run(
    cfg: SelectConfig,
    runs: list[Path],
    out: Path,
    *,
    threads: int = 0,
    progress: Progress = silent,
) -> Selected:
    """Choose, unless `out` holds just this choice; the order of the runs is of no effect."""
    runs = sorted(set(runs))
    inputs = {str(path): store.file_hash(path / "chain.nc") for path in runs}
    made = syllable_files.key("select-syllables", cfg, inputs)
    if syllable_files.finished(out, made):
        progress(Step("select-syllables", 1, 1, out.name))
        return summary(out)
    chains, ranks = comparable(runs)
    choice = syllable_choice.choose(chains, threads or cores())
    syllable_files.begin(out, made)
    write(out, runs, chains, ranks, choice)
    noted = provenance.record(
        stage="select-syllables", inputs=inputs, best=str(runs[choice.best]),
        eml=float(choice.eml[choice.best]), agreement=float(choice.agreement[choice.best]),
        unstable=shaky(chains, choice), rhat=choice.rhat,
    )  # fmt: skip
    syllable_files.finish(out, made, noted)
    progress(Step("select-syllables", 1, 1, out.name))
    return summary(out)


def comparable(runs: list[Path]) -> tuple[list[Chain], list[np.ndarray]]:
    """Return chains and labels of states of runs, which must differ in their seed alone."""
    if len(runs) < 2:
        raise InputError(f"{len(runs)} runs of fit-syllables; give two or more to choose from")
    chains, ranks, first = [], [], None
    for path in runs:
        model, held = syllable_models.read_model(path)
        settings = {**json.loads(str(held["settings"])), "random_state": None}
        said = (settings, json.loads(str(held["inputs"])), held["clean"])
        if first is not None and said != first:
            raise InputError(
                f"{path} was fitted to other recordings or with other settings than {runs[0]}; "
                "choose among fits that differ in their seed alone"
            )
        first = said
        chains.append(syllable_models.read_chain(path / "chain.nc"))
        ranks.append(model.rank_)
    return chains, ranks


def write(
    out: Path, runs: list[Path], chains: list[Chain], ranks: list[np.ndarray], choice: Choice
) -> None:
    """Write what was compared, and the model that was chosen."""
    table = pd.DataFrame(
        {
            "run": [str(path) for path in runs], "eml": choice.eml,
            "agreement": choice.agreement, "log_joint": [float(c.trace[-1, 1]) for c in chains],
            "median_frames": [float(c.trace[-1, 2]) for c in chains],
            "used_states": [int(c.trace[-1, 3]) for c in chains],
            "kappa": [c.plan.kappa for c in chains],
            "chosen": np.arange(len(runs)) == choice.best,
        }
    )  # fmt: skip
    state_courses.write_table(table, out / "choice.csv")
    rows = []
    for k, (path, chain, rank) in enumerate(zip(runs, chains, ranks, strict=True)):
        share = _usage(chain)
        for state in np.argsort(rank):
            if share[state] > 0:
                near = float(choice.overlap[k, state])
                rows.append((str(path), int(rank[state]), share[state], near, near >= STABLE))
    names = ["run", "syllable", "usage", "overlap", "stable"]
    state_courses.write_table(pd.DataFrame(rows, columns=names), out / "overlap.csv")
    held = store.read_dataset(runs[choice.best] / "model.nc")
    held = held.assign(overlap=("state", choice.overlap[choice.best]))
    store.write_dataset(held.assign_attrs(chosen_from=len(runs)), out / "model.nc")


def shaky(chains: list[Chain], choice: Choice) -> int:
    """Return how many syllables of the best fit, of those in use, the others do not find."""
    used = _usage(chains[choice.best]) >= syllables.USED
    return int((choice.unstable[choice.best] & used).sum())


def seeds(runs: list[Path], ranks: list[np.ndarray], choice: Choice) -> Seeds:
    """Return the comparison as the page shows it, by label."""
    overlap = np.full(choice.overlap.shape[1], np.nan)
    overlap[ranks[choice.best]] = choice.overlap[choice.best]
    return Seeds(
        [path.name for path in runs], choice.eml, choice.agreement, choice.best, overlap,
        overlap < STABLE, choice.rhat, STABLE,
    )  # fmt: skip


def summary(out: Path) -> Selected:
    """Say what lies in the folder."""
    note = store.read_json(out / "provenance.json")
    return Selected(
        out, Path(note["best"]), note["eml"], note["agreement"], note["unstable"],
        syllable_files.number(note["rhat"]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say which fit was chosen, and how far others agree."""
    return (
        f"{values['best']} is kept: evidence of the others' latents {values['eml']:.4f} nats a "
        f"frame, agreement (ARI) {values['agreement']:.3f}, {values['unstable']} unstable "
        f"syllables; R̂ of the log joint {values['rhat']:.3f}\n"
        f"its model: {values['out']}/model.nc"
    )


def _usage(chain: Chain) -> np.ndarray:
    return syllables.usage([own.z for own in chain.hidden], len(chain.parameters.beta))
