"""How much moves at all: frames by the sum of their amplitudes; where still ones would be."""

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from gambol.viz.figures import WIDTH
from gambol.viz.shades import GREY, empty, seconds
from gambol.viz.svg import INK, guide, styled


@styled
def amounts(
    counts: Int[np.ndarray, " B"],
    edges: Float[np.ndarray, " B1"],
    threshold: float,
    *,
    taken: bool,
) -> Figure:
    """Histogram of the sum of amplitudes of a frame, on a logarithmic axis.

    Args:
        counts: of log10 of the sum.
        edges: of the bins.
        threshold: log10 below which frames count as still; NaN where there is one mode.
        taken: whether still frames were kept off the map.
    """
    figure = Figure(figsize=(WIDTH, 2.3), layout="constrained")
    panel = figure.subplots()
    panel.set_title("Frames by how much moves: sum of all amplitudes")
    if not counts.sum():
        empty(panel, "no frame has all amplitudes")
        return figure
    share = counts / counts.sum()
    places = 10.0**edges
    panel.fill_between(places, np.append(share, share[-1]), step="post", color=GREY, alpha=0.5,
                       linewidth=0)  # fmt: skip
    seconds(panel, places)
    if np.isfinite(threshold):
        panel.axvline(10.0**threshold, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
        said = (
            "still, off the map" if taken else "a mode of its own: still = true leaves it out"
        )
        panel.text(10.0**threshold, 0.97, f"{said}  ", ha="right", va="top", fontsize=8,
                   transform=panel.get_xaxis_transform())  # fmt: skip
    panel.set_ylim(0, None)
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.set_xlabel("units of the series, summed over parts and frequencies")
    guide(panel, "x")
    return figure
