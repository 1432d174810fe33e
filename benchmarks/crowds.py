"""Many animals at full size: peaks of twenty grouped, a million frames of ten tracked."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse.csgraph import minimum_spanning_tree

from benchmarks.long3d import MEASURED
from benchmarks.record import WORK, budget, record
from gambol.core.instances import Detections
from gambol.core.skeleton import Skeleton
from gambol.io import detections as io_detections
from gambol.io import tracks as io_tracks
from gambol.pose import group
from gambol.simulate import scenes
from gambol.stages import track

MANY, KEYPOINTS = 20, 20  # animals and their keypoints in a frame whose peaks are grouped
STRIDE = 4
BODY, WIDTH = 80.0, 8.0  # px: length of an animal, σ of its fields
FRAMES, TEN, TILE = budget(1_000_000, 8_192), 10, 4096  # of the long recording
FPS = 30.0


def run() -> None:
    """Measure both."""
    grouping()
    long()


def grouping() -> None:
    """Record the processor time that grouping takes a frame."""
    rng = np.random.default_rng(0)
    body = rng.uniform(-0.5, 0.5, (KEYPOINTS, 2)) * (1.0, 0.5) * BODY
    edges = _bones(body)
    spent, whole = [], 0
    for number in range(budget(50, 5) + 1):  # the first compiles
        xy = _scattered(rng, body)
        found, owner = _peaks(rng, xy)
        fields = _fields(xy, edges)
        links = group.default_links(edges, xy)
        start = time.process_time()
        made = group.group(found, fields, links, STRIDE)
        if number:
            spent.append(1e3 * (time.process_time() - start))
            whole += sum(
                (row >= 0).all() and len(set(owner[row].tolist())) == 1 for row in made.member
            )
    frames = len(spent)
    record(
        "group.ms", float(np.median(spent)), "ms a frame",
        data=f"simulated, {MANY} animals of {KEYPOINTS} keypoints, {frames} frames",
        goal="< 2", met=float(np.median(spent)) < 2,
        note=f"median of processor time, one core; 95 % below {np.percentile(spent, 95):.2f} "
        f"ms; fields are drawn; {whole} of {MANY * frames} animals came back whole",
    )  # fmt: skip


def _bones(body: np.ndarray) -> list[tuple[int, int]]:
    """The shortest edges that join all keypoints, as bones join neighbours."""
    far = np.linalg.norm(body[:, None] - body, axis=-1)
    return [
        (int(a), int(b)) for a, b in zip(*minimum_spanning_tree(far).nonzero(), strict=True)
    ]


def _scattered(rng: np.random.Generator, body: np.ndarray) -> np.ndarray:
    """Animals on a grid that touch their neighbours, turned anyhow: (20, 20, 2) px."""
    place = np.stack(np.meshgrid(np.arange(5), np.arange(4)), -1).reshape(-1, 1, 2) + 0.5
    angle = rng.uniform(0, 2 * np.pi, MANY)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(place * BODY + np.einsum("jb,ban->nja", body, turn))


def _peaks(rng: np.random.Generator, xy: np.ndarray) -> tuple[group.Candidates, np.ndarray]:
    """The keypoints in any order, and whose they are."""
    order = rng.permutation(xy[..., 0].size)
    who, keypoint = (part[order] for part in np.divmod(np.arange(xy[..., 0].size), KEYPOINTS))
    n = len(order)
    cov = np.tile(np.eye(2), (n, 1, 1))
    return group.Candidates(xy[who, keypoint], keypoint, np.ones(n), cov), who


def _fields(xy: np.ndarray, edges: list[tuple[int, int]]) -> np.ndarray:
    """Σ w u / max(1, Σ w) of every edge, in cells, as a network gives them."""
    w, h = np.ceil(xy.max((0, 1)) / STRIDE).astype(int) + 2
    cells = np.stack(np.meshgrid(np.arange(w), np.arange(h)), -1) * STRIDE + (STRIDE - 1) / 2
    maps = []
    for a, b in edges:
        along = xy[:, b] - xy[:, a]
        long = np.linalg.norm(along, axis=1).clip(1e-6)
        off = cells[..., None, :] - xy[:, a]  # (h, w, N, 2)
        part = ((off * along).sum(-1) / long**2).clip(0, 1)
        far = np.linalg.norm(off - part[..., None] * along, axis=-1)
        weight = np.exp(-(far**2) / (2 * WIDTH**2))
        total = (weight[..., None] * along / long[:, None]).sum(2)
        maps.append(total / weight.sum(2).clip(1.0)[..., None])
    return np.ascontiguousarray(np.concatenate(maps, axis=-1).transpose(2, 0, 1), np.float32)


def long() -> None:
    """Record minutes and memory of `gambol track` on a million frames."""
    folder = WORK / "crowds"
    source = folder / f"long{track.SUFFIX}"
    if not source.exists():
        _write(source)
    shutil.rmtree(folder / "tracks", ignore_errors=True)
    command: list[str | Path] = [
        "track",
        source,
        "--animals",
        str(TEN),
        "--out",
        folder / "tracks",
    ]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - start
    peak = int(done.stdout.split()[-1]) / 1e6
    tracks = folder / "tracks" / "long.nc"
    data = f"simulated, {TEN} walkers, 5 keypoints, {FRAMES} frames"
    record(
        "track.long_minutes", seconds / 60, "minutes", data=data, goal="minutes",
        note=f"`gambol track`, the whole process on 2 cores, reading and writing; "
        f"{FRAMES / seconds:.0f} frames/s; {_names(tracks)} names",
    )  # fmt: skip
    record(
        "track.long_gb", peak, "GB", data=data, goal="< 2", met=peak < 2,
        note="peak of the process; poses lie in scratch files",
    )  # fmt: skip


def _write(source: Path) -> None:
    """Write detections of animals that walk forth and back on their ways."""
    rng = np.random.default_rng(0)
    scene = scenes.walkers(rng, TEN, seconds=TILE / FPS)
    seen = scene.detections
    names = Skeleton(tuple(f"k{j}" for j in range(seen.xy.shape[1])))
    pieces = io_detections.Pieces(source, "simulated")
    source.parent.mkdir(parents=True, exist_ok=True)
    count = -(-FRAMES // TILE)
    for number in range(count):
        frames = min(TILE, FRAMES - number * TILE)
        part = _turned(seen) if number % 2 else seen
        part = part.select(part.frame < frames)
        found = part._replace(frame=part.frame + number * TILE)
        piece = io_detections.Piece(number * TILE, np.ones(frames, bool), found)
        pieces.write(number, piece)
    times = np.arange(FRAMES) / FPS
    attrs: dict[str, Any] = {"most": TEN, "source_file": "long.mp4"}
    io_detections.assemble(pieces, count, times, names, FPS, attrs)


def _turned(seen: Detections) -> Detections:
    """The same way back, so that nobody jumps where two stretches meet."""
    frame = TILE - 1 - seen.frame
    order = np.argsort(frame, kind="stable")
    return seen.select(order)._replace(frame=frame[order])


def _names(tracks: Path) -> int:
    """How many names are in use."""
    used: set[int] = set()
    for piece in io_tracks.pieces(tracks):
        used |= set(np.unique(piece.id[piece.id >= 0]).tolist())
    return len(used)
