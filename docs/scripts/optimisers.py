"""Draw docs/images/optimisers.png: loss above the optimum against time, for all optimisers."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from gambol.kernels import logistic

OUT = Path(__file__).parents[1] / "images" / "optimisers.png"
FLOOR = 1e-10  # nats; below it rounding speaks
START = 1e-3  # seconds; the first records are drawn here, a log axis has no zero
SPACING = 0.5  # decades between two names

FULL = {  # every step looks at all examples: (optimiser, most steps)
    "gradient descent": (logistic.gradient_descent(), 3000),
    "Armijo": (logistic.armijo(), 1500),
    "Newton": (logistic.newton(), 12),
    "IRLS": (logistic.irls(), 12),
}
# Every step looks at 32. Each method has the rate and decay that got lowest in 10 000 steps
# among 9 (SGD, momentum) or 12 settings, tried on this same problem.
BATCH = {
    "SGD": (logistic.sgd(0.2, decay=1e-2), 20000),
    "momentum": (logistic.sgd(0.02, momentum=0.9, decay=1e-2), 20000),
    "Adagrad": (logistic.adagrad(0.1, decay=1e-3), 20000),
    "RMSProp": (logistic.rmsprop(0.03, decay=1e-2), 20000),
    "Adam": (logistic.adam(0.03, decay=1e-2), 20000),
}


def patches(n=2000, side=15, seed=0):
    """Patches of smooth noise, half of them with a soft disc: pixels that agree."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - side // 2
    near = np.exp(-((x.ravel()[:, None] - x.ravel()) ** 2) / 18)
    near = near * np.exp(-((y.ravel()[:, None] - y.ravel()) ** 2) / 18)
    mix = np.linalg.cholesky(near + 0.05 * np.eye(side**2))
    noise = rng.standard_normal((n, side**2)) @ mix.T
    labels = np.repeat([0.0, 1.0], n // 2)
    disc = np.exp(-(x**2 + y**2) / 18).ravel()
    return logistic.make_problem(noise + labels[:, None] * disc, labels, ridge=1e-2)


def curve(trace, best):
    """Time and loss above the optimum, to the floor; long walks as means over time bins."""
    above = np.maximum(trace.loss - best, FLOOR)
    keep = np.cumsum(above <= FLOOR) <= 1  # up to the first record at the floor
    time, height = np.log10(np.maximum(trace.seconds[keep], START)), np.log10(above[keep])
    if (np.diff(height) <= 0.01).all():
        return 10**time, 10**height
    bins = np.round(time * 12)  # a noisy walk: geometric mean in twelfths of a decade
    parts = [bins == at for at in np.unique(bins)]
    return tuple(10 ** np.array([v[part].mean() for part in parts]) for v in (time, height))


def draw(ax, traces, best):
    """One colour a method; names of neighbouring ends stand in one column, in their order."""
    ends = []
    for i, (name, trace) in enumerate(traces.items()):
        seconds, above = curve(trace, best)
        ax.plot(seconds, above, color=f"C{i}", lw=1.5)
        ends.append((np.log10(above[-1]), seconds[-1], name, f"C{i}"))
    lowest = -np.inf
    for height, seconds, name, colour in sorted(ends):
        lowest = max(height, lowest + SPACING)
        column = 1.6 * max(t for h, t, *_ in ends if abs(h - height) < 1)
        line = {"arrowstyle": "-", "color": colour, "lw": 0.6, "shrinkA": 1, "shrinkB": 0}
        ax.annotate(
            name, (seconds, 10**height), xytext=(column, 10**lowest), color=colour,
            va="center", arrowprops=line,
        )  # fmt: skip


def main():
    """Run every optimiser on the one problem, print the ends and write the figure."""
    problem = patches()
    exact = logistic.minimize(problem, logistic.newton(), 50, np.random.default_rng(0), 1e-13)
    best = exact.loss.min()
    groups = []
    for methods, every in ((FULL, 1), (BATCH, 50)):
        groups.append(
            {
                name: logistic.minimize(
                    problem, optimizer, steps, np.random.default_rng(0), 1e-9, every=every
                )
                for name, (optimizer, steps) in methods.items()
            }
        )
    groups[0]["L-BFGS"] = logistic.lbfgs(problem, 500, tol=1e-9)
    for group in groups:
        for name, t in group.items():
            above = t.loss[-1] - best
            print(f"{name:17s} {t.steps[-1]:6d} steps {t.seconds[-1]:7.3f} s  {above:.1e}")
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True, layout="constrained")
    titles = ("all examples at every step", "32 examples at every step")
    for ax, traces, title in zip(axes, groups, titles, strict=True):
        draw(ax, traces, best)
        ax.set(xscale="log", yscale="log", title=title, xlabel="time (s)", ylim=(FLOOR / 2, 2))
        ax.set_xlim(START, 8)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("loss above the optimum (nats)")
    figure.savefig(OUT, dpi=110)


if __name__ == "__main__":
    main()
