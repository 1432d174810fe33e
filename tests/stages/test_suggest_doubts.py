"""Strategies on files in which the frames worth a label were planted."""

import numpy as np
import pytest
from labelled import FRAMES, film

from gambol.core import poses as core_poses
from gambol.core.instances import Candidates, from_positions
from gambol.core.skeleton import Skeleton
from gambol.io import detections as io_detections
from gambol.io.poses_frames import FramePoses
from gambol.stages import suggest_doubts
from gambol.stages.suggest_doubts import Film, Skipped, near, rank

N = 2500  # frames: more than are read at once
BONES = Skeleton(("snout", "tail", "paw"), (-1, 0, 0))
PLANTED = [300, 1100, 2047, 2100, 2440]  # at the border of pieces, too


class World:
    """A walk of one or two animals, written as a file once it is spoilt."""

    def __init__(self, animals=1, seed=0):
        self.rng = np.random.default_rng(seed)
        walk = np.cumsum(self.rng.normal(0, 0.5, (N, animals, 1, 2)), axis=0)
        shape = self.rng.normal(0, 0.2, (N, animals, 3, 2)) + [[0, 0], [40, 0], [20, 15]]
        self.xy = 300 * np.arange(animals)[:, None, None] + 500 + walk + shape
        self.sure = self.rng.uniform(0.8, 1, (N, animals, 3))
        self.peaks = None

    def film(self, path, **more):
        animals = self.xy.shape[1]
        cov = np.broadcast_to(np.eye(2), (*self.sure.shape, 2, 2)).copy()
        made = core_poses.build(
            self.xy, self.sure, cov, np.arange(N) / 30, BONES, fps=30.0,
            individuals=("ann", "bob")[:animals],
            attrs={"confidence_radius_px": 2.5, "source_file": "a.mp4"},
        )  # fmt: skip
        if self.peaks is not None:
            xy, score = self.peaks
            made["candidate_position"] = (
                core_poses.CANDIDATE_DIMS, np.moveaxis(xy, (1, 2, 3, 4), (3, 2, 4, 1))
            )  # fmt: skip
            made["candidate_score"] = (core_poses.SCORE_DIMS, np.swapaxes(score, 1, 2))
        made.to_netcdf(path, engine="h5netcdf")
        return Film(0, np.zeros(0, np.int64), FramePoses(path), **more)


def first_five(film, strategy):
    found = rank(strategy, film, 10)
    return {s.frame for s in found[:5]}, found


def test_five_planted_unsure_frames_come_first(tmp_path):
    world = World()
    world.sure[PLANTED, 0, 1] = 0.2
    frames, found = first_five(world.film(tmp_path / "a.nc"), "unsure")
    assert frames == set(PLANTED) and found[0].reason == "tail is right with 20%"


def test_five_planted_jumps_come_first(tmp_path):
    world = World()
    world.xy[PLANTED, 0, 2] += 30
    frames, found = first_five(world.film(tmp_path / "a.nc"), "jump")
    assert frames == set(PLANTED) and found[0].reason.startswith("paw jumps 0.")


def test_five_frames_with_a_second_place_come_first(tmp_path):
    world = World()
    xy = np.repeat(world.xy[..., None, :], 2, axis=3)
    xy[..., 1, :] += [0, 60]
    score = np.stack([world.sure, np.full(world.sure.shape, 0.01)], -1)
    score[PLANTED, 0, 2] = 0.5
    xy[PLANTED, 0, 2, 1] = xy[PLANTED, 0, 2, 0] * [1, 0] + [0, 1] * (
        2 * world.xy[PLANTED, 0, 0] - world.xy[PLANTED, 0, 2]
    )  # mirrored: as far from its parent
    world.peaks = xy, score
    frames, found = first_five(world.film(tmp_path / "a.nc"), "structure")
    assert frames == set(PLANTED)
    assert found[0].reason.startswith("paw may be in two places, 5")


def test_of_detections_five_frames_with_a_narrow_margin_come_first(tmp_path):
    rng = np.random.default_rng(0)
    count = rng.integers(0, 4, N)
    count[PLANTED] = 2
    frame = np.repeat(np.arange(N), count)
    margin = rng.uniform(3, 9, (len(frame), 3))
    margin[rng.random(margin.shape) < 0.2] = np.nan  # not found
    for k, planted in enumerate(PLANTED):
        margin[np.flatnonzero(frame == planted)[1], 2] = 0.1 * k
    found = from_positions(frame, rng.uniform(0, 900, (len(frame), 3, 2)))
    kept = io_detections.Pieces(tmp_path / "a.detections.nc", "key")
    kept.write(0, io_detections.Piece(0, np.ones(N, bool), found, margin=margin))
    attrs = {"source_file": "a.mp4", "body_px": 50.0}
    io_detections.assemble(kept, 1, np.arange(N) / 30, BONES, 30.0, attrs)
    film = Film(0, np.zeros(0, np.int64), FramePoses(kept.target))
    frames, ranked = first_five(film, "structure")
    assert frames == set(PLANTED) and ranked[0].frame == PLANTED[0]
    assert ranked[0].reason == "paw may be elsewhere or absent, 50% to 50%"


def test_of_detections_five_frames_with_a_second_place_come_first(tmp_path):
    world = World(animals=2)
    there = world.rng.random((N, 2)) < 0.7  # who was found
    there[PLANTED] = True
    peaks = np.repeat(world.xy[..., None, :], 2, axis=3)
    peaks[..., 1, :] += [0, 60]
    score = np.stack([world.sure, np.full(world.sure.shape, 0.01)], -1)
    score[PLANTED, 1, 2] = 0.5
    paw, snout = world.xy[PLANTED, 1, 2], world.xy[PLANTED, 1, 0]
    peaks[PLANTED, 1, 2, 1] = 2 * snout - paw  # mirrored: as far from its parent
    found = from_positions(np.nonzero(there)[0], world.xy[there])
    several = Candidates(peaks[there], score[there])
    kept = io_detections.Pieces(tmp_path / "a.detections.nc", "key")
    kept.write(0, io_detections.Piece(0, np.ones(N, bool), found, several))
    attrs = {"source_file": "a.mp4", "body_px": 50.0}
    io_detections.assemble(kept, 1, np.arange(N) / 30, BONES, 30.0, attrs)
    film = Film(0, np.zeros(0, np.int64), FramePoses(kept.target))
    frames, ranked = first_five(film, "structure")
    assert frames == set(PLANTED)
    assert ranked[0].reason.startswith("paw may be in two places, 5")


def test_five_meetings_come_first(tmp_path):
    world = World(animals=2)
    for k, frame in enumerate(PLANTED):
        world.xy[frame, 1] = world.xy[frame, 0] + [0, 10 + k]
    frames, found = first_five(world.film(tmp_path / "a.nc", looks=N), "crowd")
    assert frames == set(PLANTED)
    assert found[0].frame == PLANTED[0] and found[0].reason.startswith("two animals are 10 px")


def test_five_frames_in_which_networks_differ_come_first(tmp_path):
    world = World()
    film = world.film(tmp_path / "a.nc", looks=N)
    for k, frame in enumerate(PLANTED):
        world.xy[frame, 0, 0] += [20 + k, 0]
    other = world.film(tmp_path / "b.nc")
    frames, found = first_five(film._replace(other=other.poses), "disagree")
    assert frames == set(PLANTED) and found[0].frame == PLANTED[-1]
    assert found[0].reason == "snout differs by 24 px between the last two models"


def test_labelled_frames_are_passed_over(tmp_path):
    world = World()
    world.sure[PLANTED, 0, 1] = 0.2
    film = world.film(tmp_path / "a.nc")._replace(labelled=np.array(PLANTED[:2]))
    assert {s.frame for s in rank("unsure", film, 3)} == set(PLANTED[2:])


def test_what_a_file_lacks_is_said(tmp_path):
    film = World().film(tmp_path / "a.nc")
    with pytest.raises(Skipped, match="one place a keypoint; predict with candidates"):
        rank("structure", film, 5)
    with pytest.raises(Skipped, match="the only prediction of its video"):
        rank("disagree", film, 5)


def test_nearly_equal_poses_are_told_from_others():
    pose = np.random.default_rng(0).uniform(0, 100, (2, 5, 2))
    pose[1] += 300
    assert near(pose, pose[::-1] + 3, 50.0)
    assert not near(pose, pose + 6, 50.0)
    assert not near(pose, pose[:1], 50.0)
    spoilt = pose.copy()
    spoilt[0, :2] += 90  # wrong keypoints make no new pose
    assert near(pose, spoilt, 50.0)


def test_a_body_is_as_long_as_its_keypoints_reach(tmp_path):
    film = World().film(tmp_path / "a.nc")
    assert film.body == 50  # 20 radii
    film.poses.body_px = None
    assert film.body == pytest.approx(np.hypot(40, 15), rel=0.05)
    assert film._replace(body_px=33.0).body == 33


def test_a_file_of_another_program_is_opened(tmp_path):
    film(tmp_path / "film.mp4")  # says the rate
    table = tmp_path / "filmDLC.csv"
    heads = ["scorer,net,net,net", "bodyparts,snout,snout,snout", "coords,x,y,likelihood"]
    rows = [f"{t},{t}.5,7.0,0.75" for t in range(FRAMES)]
    table.write_text("\n".join(heads + rows) + "\n", encoding="utf-8")
    with suggest_doubts.opened(table, tmp_path) as file:
        assert file.frames == FRAMES and file.at(5).xy.tolist() == [[[5.5, 7.0]]]
        assert file.at(5).confidence.tolist() == [[0.75]]
