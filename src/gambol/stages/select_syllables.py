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

FEW = 5  # seeds below which a choice says little; 20 for publication


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
    fits: int  # that were compared
    eml_range: tuple[float, float]  # lowest and highest
    agreement_range: tuple[float, float]  # the same of the mean adjusted Rand index
    used: int  # syllables of the best one with 0.5 % of the frames or more


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
    for path in runs:
        if not (path / "chain.nc").is_file():
            raise InputError(f"{path} is no run of fit-syllables: it holds no chain.nc")
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
        unstable=shaky(chains, choice), rhat=choice.rhat, fits=len(runs),
        eml_range=spread(choice.eml), agreement_range=spread(choice.agreement),
        used=int((_usage(chains[choice.best]) >= syllables.USED).sum()),
    )  # fmt: skip
    syllable_files.finish(out, made, noted)
    progress(Step("select-syllables", 1, 1, out.name))
    return summary(out)


def comparable(runs: list[Path]) -> tuple[list[Chain], list[np.ndarray]]:
    """Return chains and labels of states of runs, which must differ in their seed alone."""
    if len(runs) < 2:
        raise InputError(f"{len(runs)} runs of fit-syllables; give two or more to choose from")
    chains, ranks, first = [], [], None
    of_seed: dict[int, Path] = {}
    for path in runs:
        if not (path / "model.nc").exists():
            raise InputError(
                f"{path} is no finished run of fit-syllables; run the same command once more"
            )
        model, held = syllable_models.read_model(path)
        settings = {**json.loads(str(held["settings"])), "random_state": None}
        said = (settings, json.loads(str(held["inputs"])), held["clean"])
        if first is not None and said != first:
            raise InputError(
                f"{path} was fitted to other recordings or with other settings than {runs[0]}; "
                "choose among fits that differ in their seed alone"
            )
        first = said
        seed = model.settings.random_state
        if seed in of_seed:
            raise InputError(
                f"{of_seed[seed]} and {path} have the same seed {seed}; fits to compare differ "
                "in it"
            )
        of_seed[seed] = path
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


def spread(values: np.ndarray) -> list[float]:
    """Return the lowest and the highest."""
    return [float(values.min()), float(values.max())]


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
        syllable_files.number(note["rhat"]), note["fits"], tuple(note["eml_range"]),
        tuple(note["agreement_range"]), note["used"],
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say which fit was chosen, and how far others agree."""
    (low, high), (least, most) = values["eml_range"], values["agreement_range"]
    few = "" if values["fits"] >= FEW else f"; {FEW} or more are better"
    return (
        f"{values['best']} is kept, of {values['fits']} seeds{few}: evidence of the others' "
        f"latents {values['eml']:.4f} nats a frame (all: {low:.4f} to {high:.4f}), agreement "
        f"(ARI) {values['agreement']:.3f} (all: {least:.3f} to {most:.3f}), "
        f"{values['unstable']} of {values['used']} syllables unstable; R̂ of the log joint "
        f"{values['rhat']:.3f}\n"
        f"its model: {values['out']}/model.nc"
    )


def _usage(chain: Chain) -> np.ndarray:
    return syllables.usage([own.z for own in chain.hidden], len(chain.parameters.beta))
