"""The page about many fits of the model of states."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from gambol.behavior import compare, diagnose
from gambol.core.config import Config
from gambol.core.sequences import Sequences
from gambol.io import store
from gambol.viz import report_scan
from gambol.viz.figures_scan import Fits
from gambol.viz.report_scan import Match, ScanPage

MATCHES = 3  # other fits that the chosen one is held against


def write(
    path: Path,
    cfg: Config,
    table: pd.DataFrame,
    labels: list[Sequences],
    chains: list[np.ndarray],
    curves: xr.Dataset,
    alike: Mapping[int, np.ndarray],
    chosen: Mapping[str, Any],
    *,
    failed: Mapping[str, str],
    provenance: Mapping[str, Any],
) -> None:
    """Write the page.

    Args:
        path: of the page.
        cfg: settings of the scan.
        table: a line a fit.
        labels: the states that each fit drew last.
        chains: log probability of each sweep of each fit.
        curves: mutual information of the recordings.
        alike: adjusted Rand index of the fits of the chosen stickiness, by number of states.
        chosen: trans_kappa, n_states, row and reasons.
        failed: what was said against fits, by folder.
        provenance: of the scan.
    """
    same = np.isclose(table["trans_kappa"], chosen["trans_kappa"])
    among = np.flatnonzero(same & (table["n_states"] == chosen["n_states"]))
    usages = {
        int(k): [_usage(labels[i]) for i in np.flatnonzero(same & (table["n_states"] == k))]
        for k in alike
    }
    told = {f"seed {table['random_state'][i]}": chains[i] for i in among}
    made = ScanPage(
        name=path.parent.name,
        fits=Fits(*(table[name].to_numpy(kind) for name, kind in _COLUMNS.items())),
        frames=int(curves.attrs["frames"]),
        kappa=float(chosen["trans_kappa"]),
        n_states=int(chosen["n_states"]),
        run=int(chosen["row"]),
        reasons=list(chosen["reasons"]),
        low_s=float(curves["markov_chance_lag_s"]),
        high_s=float(curves["chance_lag_s"]),
        alike=alike,
        among=[int(i) for i in among],
        usages=usages,
        chains=told,
        rhat=diagnose.split_rhat(list(told.values())),
        matches=_matches(table, labels, int(chosen["row"]), among, same),
        information=curves,
        failed=failed,
        settings=cfg.yaml(),
        provenance={k: v for k, v in provenance.items() if k != "inputs"},
    )
    store.write_text(report_scan.scan_page(made), path)


_COLUMNS: dict[str, Any] = {
    "trans_kappa": float, "n_states": int, "random_state": int, "log_probability": float,
    "held_out": float, "median_s": float, "states_used": int, "converged": bool,
    "plateau": bool, "seconds": float,
}  # fmt: skip


def match(one: Sequences, other: Sequences, names: tuple[str, str]) -> Match:
    """Return how two sets of labels of the same frames agree."""
    table = compare.contingency(one, other)
    found = compare.match(table)
    return Match(
        names, table, found.partner, found.confusion, found.order,
        compare.agreement(table)._asdict(),
    )  # fmt: skip


def _matches(
    table: pd.DataFrame, labels: list[Sequences], row: int, among: np.ndarray, same: np.ndarray
) -> list[Match]:
    """The chosen fit beside the next best of its kind, and beside other numbers of states."""
    probability = table["log_probability"].to_numpy()
    others = sorted((i for i in among if i != row), key=lambda i: -probability[i])[:1]
    for k in sorted(set(table["n_states"]) - {table["n_states"][row]}):
        rows = np.flatnonzero(same & (table["n_states"] == k))
        if len(rows):
            others.append(int(rows[probability[rows].argmax()]))
    return [
        match(labels[row], labels[i], (_name(table, row), _name(table, i)))
        for i in others[:MATCHES]
    ]


def _name(table: pd.DataFrame, row: int) -> str:
    return f"{table['n_states'][row]} states, seed {table['random_state'][row]}"


def _usage(labels: Sequences) -> np.ndarray:
    return diagnose.shares(labels.values[labels.valid].astype(np.int64), labels.size)
