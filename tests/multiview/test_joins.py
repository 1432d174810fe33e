"""What is said and kept of a join."""

import json

import numpy as np
import pytest
from rings import ring

from gambol.kernels import rotation
from gambol.multiview.joins import Join, Part, own_sd

WAY = Join(
    "midline", "the midline keypoints nose, tail", ("c3", "c4"), ("c0", "c1"), 240, 80, 0.42,
    0.01, 0.021, np.eye(3), np.zeros(3), 1.0,
)  # fmt: skip


def test_a_join_says_what_it_rests_on_and_how_sure_it_is():
    assert WAY.sentence.startswith(
        "Cameras c3, c4 are joined to c0, c1 by the midline keypoints nose, tail: 240 points "
        "in 80 frames, 2.1 % of their spread apart; the angle is sure to 0.42°, the relative "
        "size to 1 %"
    )
    alone = WAY._replace(cameras=("c3",), apart=0.8).sentence
    assert "0.8 px off in the median; its direction is sure to 0.42°" in alone
    assert "is a prior of sd 0.42°" in WAY._replace(points=0).sentence


def test_a_join_is_kept_as_plain_values():
    kept = json.loads(json.dumps(WAY.values()))
    assert kept["by"] == "midline" and kept["angle_sd_deg"] == 0.42
    assert kept["cameras"] == ["c3", "c4"]


def test_cameras_and_points_of_a_part_move_together():
    rig, points = ring(3), np.random.default_rng(0).normal(0, 50, (4, 2, 3))
    turn, shift = rotation.exp(np.array([0.2, 0.5, -1.0])), np.array([1.0, 2.0, 3.0])
    moved = Part(rig, points).moved(turn, shift, 2.5)
    for before, after in zip(rig.cameras, moved.rig.cameras, strict=True):
        own = points @ before.turn.T + before.translation
        new = moved.points @ after.turn.T + after.translation
        np.testing.assert_allclose(new, 2.5 * own, atol=1e-9)


def test_several_directions_are_surer_than_one():
    assert own_sd([0.3, 0.3, 0.3, 0.3]) == pytest.approx(0.15)
