"""The page about a fit of syllables: everything that it shows, put together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from gambol.behavior import change_points, sequences, syllable_plan, syllables
from gambol.behavior.noise import LEVELS, Report
from gambol.behavior.syllable_chain import Data, Hidden
from gambol.behavior.syllable_choice import STABLE
from gambol.core.config import Config
from gambol.core.sequences import Sequences, lengths, unpack
from gambol.io import store
from gambol.stages.syllable_models import Ready
from gambol.viz import report_syllables_fit as pages
from gambol.viz.report_syllables_fit import Changes, FitPage, Learning, Noise, Seeds

__all__ = ["STABLE", "Learning", "Seeds", "changes", "tries", "write"]


def write(
    path: Path,
    cfg: Config,
    traces: Mapping[str, Float[np.ndarray, "I 6"]],
    labels: Sequences,
    ready: Ready,
    *,
    chosen: str | None = None,
    seeds: Seeds | None = None,
    learning: Learning | None = None,
    noise: Report | None = None,
    remarks: list[str],
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write the page.

    Args:
        path: of the page.
        cfg: settings, all of which are shown.
        traces: of the fits, by name.
        labels: most probable syllables of the recordings.
        ready: the recordings before any sweep.
        chosen: the fit in use; with one fit, that one.
        seeds: fits beside each other.
        learning: held-out scores against minutes of data.
        noise: its calibration.
        remarks: sentences that the reader has to know.
        provenance: of the run.
    """
    chosen = next(iter(traces)) if chosen is None else chosen
    held, settings = unpack(labels), ready.settings
    usage = sequences.usage(labels)
    bouts = sequences.bouts(labels)
    whole = ~bouts.left_censored & ~bouts.right_censored
    frames, own = (bouts.stop - bouts.start)[whole], bouts.label[whole]
    middle = [
        float(np.median(frames[own == k])) / labels.fps if (own == k).any() else np.nan
        for k in range(labels.size)
    ]
    made = FitPage(
        name=path.parent.name,
        traces=traces,
        chosen=chosen,
        tries=tries(traces[chosen], settings.search_sweeps, labels.fps),
        close=syllable_plan.CLOSE,
        target_s=settings.target_duration_s,
        labels=labels,
        usage=np.nan_to_num(usage.pooled),
        by_recording=np.nan_to_num(usage.by_recording),
        frames=syllables.durations(held),
        bouts=np.bincount(own, minlength=labels.size),
        median_s=np.array(middle),
        changes=changes(ready.data, ready.hidden, labels),
        seeds=seeds,
        learning=learning,
        noise=None
        if noise is None
        else Noise(noise.edges, noise.seen, noise.predicted, LEVELS),
        remarks=remarks,
        settings=cfg.yaml(),
        provenance=provenance or {},
    )
    store.write_text(pages.fit_page(made), path)


def tries(
    trace: Float[np.ndarray, "I 6"], each: int, fps: float
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return what the searches for kappa tried: title, log10 kappa, median bout in seconds.

    Args:
        trace: of the fit.
        each: sweeps of a try.
        fps: frames a second.
    """
    found = []
    for phase, title in ((0, "On first latents"), (2, "With all lines")):
        rows = trace[trace[:, 5] == phase]
        if not len(rows):
            continue
        parts = [rows[k : k + each] for k in range(0, len(rows), each)]
        late = [part[len(part) // 2 :, 2] for part in parts]
        known = [own[np.isfinite(own)] for own in late]
        middle = [float(own.mean()) / fps if len(own) else np.nan for own in known]
        kappa = np.log10([float(part[0, 4]) for part in parts])
        found.append((title, kappa, np.array(middle)))
    return found


def changes(data: Data, hidden: tuple[Hidden, ...], labels: Sequences) -> Changes:
    """Return how long movements go on, told from first latents, and what onsets see of it."""
    scores = [change_points.score(own.x, labels.fps) for own in hidden]
    scale = change_points.scale(scores, labels.fps)
    held = dict(zip(labels.names, unpack(labels), strict=True))
    whole = {
        name: np.full(n, np.nan) for name, n in zip(labels.names, lengths(labels), strict=True)
    }
    for key, own in zip(data.keys, scores, strict=True):
        whole[key.recording][key.start : key.start + len(own)] = own
    begun = [change_points.begun(held[name]) for name in labels.names]
    around = change_points.around([whole[n] for n in labels.names], begun, labels.fps)
    return Changes(*scale, *around)
