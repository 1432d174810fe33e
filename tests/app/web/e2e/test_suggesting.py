"""Every way to choose frames, from the button: how long it takes, and what it finds."""

import itertools
import time

import numpy as np
import pytest
import worlds
from acting import until
from sizes import PATIENCE, full

from gambol.core import poses as core_poses

N, SIZE, LIMIT_S, APART_S = full(1500, 400), full(1024, 256), 20.0, 0.5
WAYS = ("mixed", "cover", "unsure", "jump", "structure", "crowd", "disagree")
PLANTED = {  # frames that each way has to find
    "jump": [int(N * part) for part in (0.05, 0.25, 0.45, 0.65, 0.85)],
    "unsure": [int(N * part) for part in (0.1, 0.3, 0.5, 0.7, 0.9)],
    "structure": [int(N * part) for part in (0.15, 0.35, 0.55, 0.75, 0.95)],
    "disagree": [int(N * part) for part in (0.2, 0.4, 0.6, 0.8, 0.975)],
}


def walk():
    """Two animals that are never twice in the same place; (N, 2, J, 2) px."""
    body = worlds.truth(1, 1, SIZE)[0, 0]
    t = np.arange(N)[:, None] * 120 / N + np.array([0.0, 40.0])
    middle = np.stack([np.cos(0.31 * t), np.sin(0.197 * t)], -1) * SIZE * 0.35 + SIZE / 2
    return middle[:, :, None] + body - body.mean(0)


def write(folder, film, run, xy, sure, doubtful=()):
    """Write a run; each keypoint has a second place, which is as likely in some frames."""
    shape = xy.shape[:3]
    made = core_poses.build(
        xy, sure, np.broadcast_to(np.eye(2), (*shape, 2, 2)).copy(), np.arange(N) / 30,
        worlds.MOUSE, fps=30.0, individuals=("ann", "bob"),
        attrs={"confidence_radius_px": 2.5, "source_file": str(film)},
    )  # fmt: skip
    places = np.repeat(xy[..., None, :], 2, axis=3)
    places[..., 1, :] += SIZE / 12
    score = np.stack([sure, np.full(shape, 0.01)], -1)
    score[list(doubtful), 0, 2, 1] = 0.88
    made["candidate_position"] = (
        core_poses.CANDIDATE_DIMS, np.moveaxis(places, (1, 2, 3, 4), (3, 2, 4, 1))
    )  # fmt: skip
    made["candidate_score"] = (core_poses.SCORE_DIMS, np.swapaxes(score, 1, 2))
    path = folder / "runs" / run / "out" / f"{film.name}.nc"
    path.parent.mkdir(parents=True)
    made.to_netcdf(path, engine="h5netcdf")


@pytest.fixture(scope="module")
def doubted(serve, tmp_path_factory):
    """A server of a film, seen by two models, with frames worth a label planted."""
    root = tmp_path_factory.mktemp("doubted")
    film = worlds.film(root / "film.mp4", n=N, size=SIZE)
    folder = worlds.project(root / "mice", [film])
    xy = walk()
    sure = np.random.default_rng(0).uniform(0.85, 0.99, xy.shape[:3])
    before = xy.copy()
    before[PLANTED["disagree"], 1, 4] += SIZE / 8
    write(folder, film, "predict-1", before, sure)
    xy[PLANTED["jump"], 0, 12] += SIZE / 5
    sure[PLANTED["unsure"], 1, 7] = 0.2
    write(folder, film, "predict-2", xy, sure, PLANTED["structure"])
    return serve(folder)


@pytest.fixture
def panel(doubted, page):
    """The Improve screen with its panel of suggestions."""
    doubted.enter(page.context)
    page.goto(f"{doubted.address}#improve")
    page.locator("[data-test=way] option").first.wait_for(state="attached")
    page.fill("[data-test=count]", "20")
    return page


def suggested(studio, page, way):
    """Suggest by one way; return the suggestions and after how many seconds they were there."""
    page.select_option("[data-test=way]", way)
    before = [job["id"] for job in studio.get("api/jobs")]
    begun = time.monotonic()
    page.click("[data-test=suggest-go]")

    def ended():
        new = [job for job in studio.get("api/jobs") if job["id"] not in before]
        return new and new[0]["state"] in ("done", "failed") and new[0]

    job = until(ended, LIMIT_S * PATIENCE * 2, 0.1)
    assert job["state"] == "done", job
    page.locator("[data-test=suggestion]").first.wait_for()
    return studio.get("api/project")["suggestions"], time.monotonic() - begun


@pytest.mark.slow
def test_every_strategy_finds_its_frames(doubted, panel, record_property):
    """All in one page, one after the other, as a person tries them."""
    took = {}
    for way in WAYS:
        found, took[way] = suggested(doubted, panel, way)
        assert took[way] <= LIMIT_S * PATIENCE, way
        assert 5 <= len(found) <= 20 and all(one["reason"].strip() for one in found)
        frames = [one["frame"] for one in found]
        for a, b in itertools.combinations(frames, 2):
            assert abs(a - b) >= APART_S * 30, (way, a, b)
        assert set(PLANTED.get(way, [])) <= set(frames[:10]), (way, found[:10])
        shown = panel.locator("[data-test=suggestion] .reason").all_inner_texts()
        assert shown == [one["reason"] for one in found]
    if N == 1500:
        assert len(found) == 20
    told = ", ".join(f"{way} {seconds:.1f}" for way, seconds in took.items())
    record_property("measured", f"20 of {N} frames of {SIZE}², s: {told}")
