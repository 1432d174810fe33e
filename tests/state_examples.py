"""A small world of states for the tests of figures and pages: everything is known."""

import re
from html.parser import HTMLParser

import numpy as np
import xarray as xr

from gambol.core.sequences import Sequences, pack
from gambol.viz import onsets
from gambol.viz.figures_fit import Plateau
from gambol.viz.figures_information import Predicted
from gambol.viz.figures_scan import Fits
from gambol.viz.figures_states import Lasting
from gambol.viz.report_scan import Match, ScanPage
from gambol.viz.report_states import StatesPage, Usage

FPS = 25.0
VOID = {"meta", "img", "br", "hr"}


class Tags(HTMLParser):
    """Every element that is opened is closed, in order."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


def check(text):
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert not tags.open
    assert not re.search(r"https?://", text) and "<script" not in text
    plain = re.sub(r"(?s)<style>.*?</style>|data:[^\"]*", "", text)
    assert not re.search(r">\s*-?(nan|inf)\b", plain)
    return plain


def curves(recordings=6, lags=12, interval=True):
    """Information that decays within 2 s (chains) and 15 s (recordings), above a bias."""
    seconds = np.geomspace(1, 150, lags)
    real, chain, bias = 0.5 * np.exp(-seconds / 5), 0.3 * np.exp(-seconds), 0.2 + seconds / 1e3
    band = 0.02 if interval else np.nan
    along = {
        "real": real + bias, "real_se": 0 * real + band / 2, "surrogate": bias,
        "surrogate_se": 0 * bias + band / 4, "corrected": real, "lower": real - band,
        "upper": real + band, "markov": chain + bias, "markov_se": 0 * bias + band / 2,
        "markov_surrogate": bias, "markov_surrogate_se": 0 * bias,
        "markov_corrected": chain, "markov_lower": chain - band,
        "markov_upper": chain + band, "markov_analytic": chain,
    }  # fmt: skip
    ends = {
        "chance_lag_s": 16.0, "half_life_s": 3.5, "markov_chance_lag_s": 3.0,
        "markov_half_life_s": 0.7,
    }  # fmt: skip
    told = "The recordings reach chance at 16 s.\nLittle structure lasts beyond 12 s: so it is."
    return xr.Dataset(
        {name: ("lag", values) for name, values in along.items()}
        | {name: ((), value if interval else np.nan) for name, value in ends.items()},
        {"lags_s": ("lag", seconds), "recording": [f"r{r}" for r in range(recordings)]},
        {"units": "nats", "sentences": told, "frames": 9000, "labels": 8},
    )  # fmt: skip


def labels(size, recordings=3, frames=3000, dwell=200, used=None, seed=0) -> Sequences:
    """Recordings in bouts of equal length, with a gap in the first one."""
    rng = np.random.default_rng(seed)
    values = []
    for r in range(recordings):
        bouts = rng.integers(0, used or size, frames // dwell + 1)
        values.append(np.repeat(bouts, dwell)[: frames - 10 * r].astype(np.int64))
    values[0][100:150] = -1
    return pack(values, [f"r{r}" for r in range(recordings)], FPS, size)


def lasting(scale=1.0, bouts=20, censored=2) -> Lasting:
    time = scale * np.arange(1.0, 6.0)
    quartiles = scale * np.array([2.0, 3.0, 4.0]) if bouts else np.full(3, np.nan)
    return Lasting(time, np.linspace(0.8, 0.0, 5), quartiles, bouts, censored)


def nothing() -> Lasting:
    return Lasting(np.zeros(0), np.zeros(0), np.full(3, np.nan), 0, 0)


def predicted(lags=12, draws=10, size=8) -> Predicted:
    rng = np.random.default_rng(0)
    told = curves(lags=lags)
    real = told.corrected.values
    drawn = real + rng.normal(0, 0.02, (draws, lags))
    band = np.array([real - 0.03, real + 0.03])
    band[:, 3] += 1  # the fourth lag is outside
    usage = rng.dirichlet(np.ones(size))
    return Predicted(
        told.lags_s.values, real, drawn, band, 0.75, rng.uniform(5, 9, draws), usage,
        np.array([0.9, 1.1])[:, None] * usage, told.markov_corrected.values, 7.0,
    )  # fmt: skip


def states_page(k=4, s=8, recordings=3, sweeps=30, *, spare=1, **changed) -> StatesPage:
    """A fit whose last `spare` states are never used."""
    rng = np.random.default_rng(0)
    used = max(1, k - spare)
    states = labels(k, recordings, used=used)
    theta = rng.dirichlet(np.ones(s), (k, s))
    share = np.append(rng.dirichlet(np.ones(used) * 9), np.zeros(k - used))
    interval = (
        np.array([0.9, 1.1])[:, None] * share if recordings > 1 else np.full((2, k), np.nan)
    )
    each = [lasting(1 + n) if n < used else nothing() for n in range(k)]
    biases = rng.normal(0, 1, (k, s)) if k > 1 else np.zeros((1, s))
    syllables = labels(s, recordings, dwell=10, seed=1)
    made = StatesPage(
        "a <fit>", states, syllables, -1000 + rng.normal(size=(sweeps, 4)),
        np.tile([5.0, 1e-11, 300.0, 1.0, 1.0], (sweeps, 1)), min(sweeps, 7),
        (10, 20, 30)[: sweeps // 10],
        Plateau(0.01, 0.2, True), True, theta, rng.dirichlet(np.ones(k), k),
        Usage(share, interval, np.tile(share, (recordings, 1))), each, lasting(),
        rng.integers(1, 50, (k, k)), rng.integers(0, k, (sweeps, 400)).astype(np.uint8),
        "r0", 0.0, 600.0, rng.normal(size=(s, s)), biases,
        objective={"rows of W": np.array([-5.0, -1.0, -0.9])},
        courses=[onsets.shares(states, syllables, 0)], predicted=predicted(size=s),
        information=curves(recordings, interval=recordings > 1), settings="n_states: <4>\n",
        provenance={"stage": "fit-states", "versions": {"gambol": "1"}},
    )  # fmt: skip
    return made._replace(**changed)


def fits(kappas=(500.0, 2000.0, 8000.0), states=(3, 5), seeds=3) -> Fits:
    """Log probability peaks at the middle κ; durations rise with κ; 4 states are used."""
    rows = [(a, b, c) for a in kappas for b in states for c in range(seeds)]
    kappa, k, seed = (np.array(column) for column in zip(*rows, strict=True)) if rows else (
        np.zeros(0), np.zeros(0, int), np.zeros(0, int))  # fmt: skip
    middle = np.log(kappas[len(kappas) // 2]) if len(kappas) else 0.0
    log = -5000 - 10 * (np.log(np.maximum(kappa, 1)) - middle) ** 2 + k + seed / 10
    yes = np.ones(len(kappa), bool)
    return Fits(
        kappa, k, seed, log, np.full(len(kappa), np.nan), np.sqrt(kappa) / 5 + seed,
        np.minimum(k, 4), yes, yes, yes * 2.0,
    )  # fmt: skip


def match(k=4, other=3) -> Match:
    """Label i here is label i there; the last label here is not used."""
    counts = np.zeros((k, other), np.int64)
    for i in range(k - 1):
        counts[i, i % other] = 90 + i
        counts[i, (i + 1) % other] += 10
    partner = np.array([i if i < min(other, k - 1) else -1 for i in range(k)])
    total = counts.sum(1, keepdims=True)
    confusion = np.where(total > 0, counts / np.maximum(total, 1), np.nan)
    agreed = {"adjusted_rand": 0.81, "mutual": 0.7, "variation": 0.5, "accuracy": 0.9}
    return Match(("here", "there"), counts, partner, confusion, np.arange(other), agreed)


def scan_page(**changed) -> ScanPage:
    table = fits()
    alike = {k: np.full((3, 3), 0.7) + 0.3 * np.eye(3) for k in (3, 5)}
    usages = {k: [np.sort(np.random.default_rng(n).dirichlet(np.ones(k))) for n in range(3)]
              for k in (3, 5)}  # fmt: skip
    among = np.flatnonzero((table.trans_kappa == 2000) & (table.n_states == 5))
    made = ScanPage(
        "a <scan>", table, 9000, 2000.0, 5, int(among[2]), ("κ because", "five because"), 3.0,
        16.0, alike, among.tolist(), usages, {"0": np.arange(30.0), "1": np.arange(30.0) - 1},
        1.01, [match()], curves(), settings="kappas: [1]\n", provenance={"date": "today"},
    )  # fmt: skip
    return made._replace(**changed)
