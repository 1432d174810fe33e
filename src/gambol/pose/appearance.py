"""Who looks like whom, learned without labels from tracklets that are beyond doubt.

Pictures of one tracklet show one animal, tracklets seen in one frame show two. Long tracklets
teach with their first half; what is reported, and used, is how later pictures look. So a
network that learned pictures by heart is found out.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8

from gambol.kernels.scores import auroc
from gambol.nn.embedding import Encoder, contrastive
from gambol.pose.appearance_settings import AppearanceConfig

BLOCK = 1.0  # s: pictures as far apart are nearly independent
LONG = 3.0  # s: tracklets as long as this teach
EARLY = 0.5  # share of such a tracklet that teaches
VIEWS = 4  # pictures of one tracklet in a batch, from one frame on
COMPANY = 4  # animals of one frame in a batch, at most
TURN = 10.0  # degrees by which pictures are turned while learning
SHIFT = 0.06  # of half the side
GROW = 0.05  # sd of the log of the scale
DECAY = 1e-4  # of weights
SAMPLE = 20  # blocks of a tracklet that are compared


class Seen(NamedTuple):
    """D detections in M tracklets that hold one animal each."""

    frame: Int[np.ndarray, " D"]  # not decreasing
    seconds: Float[np.ndarray, " D"]
    of: Int[np.ndarray, " D"]  # tracklet, or -1
    alone: Bool[np.ndarray, " D"]  # in contact with nobody


class Lessons(NamedTuple):
    """What teaches, and what may be judged."""

    rows: Int[np.ndarray, " R"]  # detections to learn from, in order
    early: Bool[np.ndarray, " D"]  # they and all like them: first halves of long tracklets
    later: Bool[np.ndarray, " D"]  # a block and more after, or of tracklets that teach nothing
    together: Int[np.ndarray, " P"]  # a M + b for tracklets a, b of one frame; sorted
    n_tracklets: int


class Report(NamedTuple):
    """How well later blocks of tracklets are told apart by earlier ones; NaN: unknown."""

    auroc: float  # of pairs of blocks of one against those of two animals
    equal_error: float  # rate at which as many are taken for another as for the same
    rank1: float  # share of later blocks whose nearest earlier block is their own tracklet's
    mean_precision: float  # average precision of all earlier blocks, mean over later ones
    chance: float  # rank1 of guessing
    blocks: int  # later ones
    tracklets: int  # that taught


def lessons(seen: Seen, most: int) -> Lessons:
    """Choose what to learn from, evenly over the recording.

    Args:
        seen: detections.
        most: of them, to learn from.
    """
    m = int(seen.of.max(initial=-1)) + 1
    start, end = _span(seen, m)
    long = end - start >= LONG
    since = seen.seconds - start[seen.of]
    half = EARLY * (end - start)[seen.of]
    inside = (seen.of >= 0) & seen.alone
    early = inside & long[seen.of] & (since <= half)
    together = _together(seen, m)
    company = np.bincount(seen.frame[early], minlength=int(seen.frame.max(initial=-1)) + 1)
    shown = np.unique(seen.frame[early & (company[seen.frame] >= 2)])
    if len(shown):
        count = int(max(1, most // max(company[shown].mean(), 1)))
        shown = shown[np.unique(np.linspace(0, len(shown) - 1, count).astype(int))]
    rows = np.flatnonzero(early & np.isin(seen.frame, shown))
    teaches = np.zeros(m + 1, bool)  # the last is of those in no tracklet
    teaches[seen.of[rows]] = True
    early &= teaches[seen.of]
    later = inside & (~teaches[seen.of] | (since > half + BLOCK))
    return Lessons(rows, early, later, together, m)


def learn(
    cfg: AppearanceConfig,
    crops: UInt8[np.ndarray, "R S S C"],
    seen: Seen,
    plan: Lessons,
    lying: float,
    told: Callable[[int], None] = lambda step: None,
) -> Encoder:
    """Train a network; the same input gives the same network.

    Args:
        cfg: settings.
        crops: portraits of `plan.rows`.
        seen: all detections.
        plan: what teaches.
        lying: share of portraits that are laid alike; if few are, all turns are learned.
        told: hears of every step.
    """
    rng = np.random.default_rng(cfg.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(cfg.seed)
        net = Encoder(crops.shape[3])
    net.train()
    pictures = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
    pupils = _Pupils(seen, plan)
    best = torch.optim.AdamW(net.parameters(), cfg.rate, weight_decay=DECAY)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(best, cfg.steps)
    turn = np.radians(TURN if lying >= EARLY else 180.0)
    for step in range(cfg.steps):
        some = pupils.draw(rng, cfg.batch)
        same, other = pupils.pairs(some)
        x = _moved(rng, (pictures[some].float() - 128.0) / 128.0, turn)
        loss = contrastive(
            net.answer(x), torch.from_numpy(same), torch.from_numpy(other), cfg.temperature
        )
        best.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        best.step()
        falling.step()
        told(step + 1)
    return net.eval()


@torch.no_grad()
def embed(
    net: Encoder, crops: UInt8[np.ndarray, "R S S C"], batch: int = 256
) -> Float32[np.ndarray, "R E"]:
    """Return the looks of portraits, vectors of length 1."""
    net.eval()
    pictures = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
    parts = [net(pictures[i : i + batch]) for i in range(0, len(crops), batch)]
    empty = torch.zeros(0, net.last.out_features)
    return torch.cat([empty, *parts]).numpy()


def report(looks: Float[np.ndarray, "D E"], seen: Seen, plan: Lessons) -> Report:
    """Compare later with earlier blocks of the tracklets that taught.

    Args:
        looks: of all detections; NaN where there is no portrait.
        seen: all detections.
        plan: what taught.
    """
    teaches = np.unique(seen.of[plan.rows])
    known = np.isfinite(looks).all(axis=1) & np.isin(seen.of, teaches)
    own, before = _blocks(looks, seen, known & plan.early)
    who, after = _blocks(looks, seen, known & plan.later)
    nothing = Report(np.nan, np.nan, np.nan, np.nan, np.nan, 0, len(teaches))
    if not len(own) or not len(who):
        return nothing
    edges = np.searchsorted(own, np.arange(plan.n_tracklets + 1))
    scores, truths, ranks = [], [], []
    for tracklet, query in zip(who.tolist(), after, strict=True):
        code = tracklet * plan.n_tracklets
        low, high = np.searchsorted(plan.together, [code, code + plan.n_tracklets])
        near = [tracklet, *(plan.together[low:high] - code).tolist()]
        rows = np.concatenate([np.arange(edges[t], edges[t + 1]) for t in near])
        mine = own[rows] == tracklet
        if not mine.any() or mine.all():
            continue
        score = before[rows] @ query
        scores.append(score)
        truths.append(mine)
        ranks.append((bool(mine[score.argmax()]), _precision(score, mine), mine.mean()))
    if not scores:
        return nothing
    score, same = np.concatenate(scores), np.concatenate(truths)
    rank1, precision, chance = (float(x) for x in np.mean(ranks, axis=0))
    return Report(
        auroc(score, same), equal_error(score, same), rank1, precision, chance, len(scores),
        len(teaches),
    )  # fmt: skip


def equal_error(score: Float[np.ndarray, " M"], same: Bool[np.ndarray, " M"]) -> float:
    """Rate at the threshold where as large a share of both kinds of pairs is taken wrongly.

    >>> equal_error(np.array([0.9, 0.4, 0.6, 0.1]), np.array([True, True, False, False]))
    0.5
    """
    order = np.argsort(score, kind="stable")
    last = np.append(np.diff(score[order]) > 0, True)  # thresholds lie between scores
    missed = np.cumsum(same[order])[last] / max(same.sum(), 1)
    accepted = 1 - np.cumsum(~same[order])[last] / max((~same).sum(), 1)
    missed, accepted = np.append(0.0, missed), np.append(1.0, accepted)
    at = int(np.argmax(missed >= accepted))
    rise = (missed[at] - missed[at - 1]) - (accepted[at] - accepted[at - 1])
    part = (accepted[at - 1] - missed[at - 1]) / rise
    return float(missed[at - 1] + part * (missed[at] - missed[at - 1]))


class _Pupils:
    """The portraits to learn from, by frame and by tracklet."""

    def __init__(self, seen: Seen, plan: Lessons) -> None:
        self.of, self.seconds = seen.of[plan.rows], seen.seconds[plan.rows]
        self.together, self.m = plan.together, plan.n_tracklets
        frame = seen.frame[plan.rows]
        here = np.arange(len(frame))
        parts = np.split(here, np.flatnonzero(np.diff(frame)) + 1)
        self.frames = [p for p in parts if len(p) > 1]
        self.members = {int(t): np.flatnonzero(self.of == t) for t in np.unique(self.of)}
        reach = {t: np.ptp(self.seconds[rows]) for t, rows in self.members.items()}
        self.apart = np.zeros(self.m)  # s; an hour's tracklet or a second's, ends are apart
        for t, length in reach.items():
            self.apart[t] = max(min(BLOCK, length / 2), 1e-6)

    def draw(self, rng: np.random.Generator, batch: int) -> Int[np.ndarray, " B"]:
        """Draw animals of some frames, each at other times as well."""
        picked: list[int] = []
        while len(picked) < batch:
            frame = self.frames[rng.integers(len(self.frames))]
            for row in rng.permutation(frame)[:COMPANY].tolist():
                mine = self.members[int(self.of[row])]
                away = np.abs(self.seconds[mine] - self.seconds[row])
                far = mine[away >= self.apart[self.of[row]] - 1e-9]
                picked.append(row)
                if len(far):
                    picked += rng.choice(far, VIEWS - 1).tolist()
        return np.array(picked[:batch])

    def pairs(
        self, some: Int[np.ndarray, " B"]
    ) -> tuple[Bool[np.ndarray, "B B"], Bool[np.ndarray, "B B"]]:
        """Which pairs show one animal at two times, and which show two animals."""
        of, seconds = self.of[some], self.seconds[some]
        away = np.abs(seconds[:, None] - seconds)
        same = (of[:, None] == of) & (away >= self.apart[of][:, None] - 1e-9)
        return same, np.isin(of[:, None] * self.m + of, self.together)


def _moved(
    rng: np.random.Generator, x: Float[torch.Tensor, "B C S S"], turn: float
) -> Float[torch.Tensor, "B C S S"]:
    """Turn, shift and scale pictures a little; never their light, which is a look."""
    b = len(x)
    angle, grow = rng.uniform(-turn, turn, b), np.exp(GROW * rng.standard_normal(b))
    c, s = grow * np.cos(angle), grow * np.sin(angle)
    dx, dy = rng.uniform(-SHIFT, SHIFT, (2, b))
    maps = np.stack([np.stack([c, -s, dx], 1), np.stack([s, c, dy], 1)], 1)
    grid = torch.nn.functional.affine_grid(
        torch.from_numpy(maps).float(), list(x.shape), align_corners=False
    )
    return torch.nn.functional.grid_sample(x, grid, align_corners=False)


def _span(seen: Seen, m: int) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Start and end of every tracklet, s, and of one more that stands for none."""
    start, end = np.full(m + 1, np.inf), np.full(m + 1, -np.inf)
    inside = seen.of >= 0
    np.minimum.at(start, seen.of[inside], seen.seconds[inside])
    np.maximum.at(end, seen.of[inside], seen.seconds[inside])
    missing = ~np.isfinite(start)
    start[missing] = end[missing] = 0.0
    return start, end


def _together(seen: Seen, m: int) -> Int[np.ndarray, " P"]:
    """Codes of pairs of tracklets that some frame shows both of, in both orders."""
    inside = np.flatnonzero(seen.of >= 0)
    frame, of = seen.frame[inside], seen.of[inside]
    codes = [np.zeros(0, np.int64)]
    for k in range(1, int(np.bincount(frame).max(initial=1))):
        both = frame[:-k] == frame[k:]
        a, b = of[:-k][both], of[k:][both]
        codes += [np.unique(a * m + b), np.unique(b * m + a)]
    return np.unique(np.concatenate(codes)).astype(np.int64)


def _blocks(
    looks: Float[np.ndarray, "D E"], seen: Seen, which: Bool[np.ndarray, " D"]
) -> tuple[Int[np.ndarray, " K"], Float[np.ndarray, "K E"]]:
    """Tracklet and mean looks of blocks of a second; some, evenly, of long tracklets."""
    rows = np.flatnonzero(which)
    second = np.floor(seen.seconds[rows] / BLOCK).astype(np.int64)
    key, block = np.unique(np.stack([seen.of[rows], second]), axis=1, return_inverse=True)
    order = np.argsort(block, kind="stable")
    total = np.zeros((key.shape[1], looks.shape[1]))
    np.add.at(total, block[order], looks[rows[order]])
    owner = key[0].astype(np.int64)
    kept = [np.zeros(0, np.int64)]
    for tracklet in np.unique(owner):
        mine = np.flatnonzero(owner == tracklet)
        kept.append(mine[np.unique(np.linspace(0, len(mine) - 1, SAMPLE).astype(int))])
    some = np.concatenate(kept)
    length = np.linalg.norm(total[some], axis=1, keepdims=True)
    return owner[some], total[some] / np.maximum(length, 1e-9)


def _precision(score: Float[np.ndarray, " G"], mine: Bool[np.ndarray, " G"]) -> float:
    """Average precision: mean, over own blocks, of the share of own ones ranked as high."""
    ranked = mine[np.argsort(-score, kind="stable")]
    right = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(right[ranked].mean())
