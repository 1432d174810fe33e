"""The page about a project: its training runs side by side."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from gambol.viz.html import el, page, table
from gambol.viz.report import px, share, span


class Row(NamedTuple):
    """One finished run."""

    name: str
    link: str  # relative to the page, not yet quoted
    metrics: Mapping[str, Any]
    provenance: Mapping[str, Any]
    learned_from: int  # frames


def build(name: str, rows: Sequence[Row]) -> str:
    """Return the page as HTML."""
    title = f"Training runs of {name}"
    if not rows:
        text = "This project has no finished training run yet; “gambol train” makes one."
        return page(title, el("h1", title), el("p", text))
    head = ("run", "date", "learned from", "mean, px", "95 % interval", "median",
            "95 % are below", "within 5 % of body")  # fmt: skip
    several = any("animals" in row.metrics for row in rows)
    cells = [
        [
            el("a", row.name, href=quote(row.link)),
            str(row.provenance.get("date", ""))[:10],
            f"{row.learned_from} frames",
            px(row.metrics.get("mean_px")),
            span(row.metrics.get("intervals", {}).get("mean_px")),
            px(row.metrics.get("median_px")),
            px(row.metrics.get("p95_px")),
            share(row.metrics.get("pck", {}).get("0.05")),
            *([_found(row.metrics)] if several else []),
        ]
        for row in rows
    ]
    note = (
        "Errors are of each run's own validation frames. Runs compare only where these are the "
        "same frames; “gambol evaluate” scores them on labels of your choice."
    )
    names = (*head, *(("OKS mAP",) if several else ()))
    return page(title, el("h1", title), table(names, cells), el("p", note, class_="soft"))


def _found(metrics: Mapping[str, Any]) -> str:
    """How well several animals were found; a dash for a run of one animal."""
    value = metrics.get("animals", {}).get("oks_map")
    return "–" if value is None else f"{value:.3f}"
