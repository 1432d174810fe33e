"""Median trajectories: planted movements come back, wherever the animal was."""

import numpy as np
import pytest

from gambol.behavior.align import Aligned, Placed, rotate
from gambol.behavior.trajectories import TrajectorySettings, distance, trajectories, typical
from gambol.core.errors import InputError
from gambol.core.sequences import pack
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track

FPS = 20.0
REST = np.array([[20.0, 0.0], [0.0, 5.0], [-20.0, 0.0]])


def animal(labels, shapes, name="a", *, seed=0, noise=0.0, up="z"):
    """An animal whose keypoints follow the shape of a label from its onset on, in its frame.

    It stands somewhere else and looks elsewhere in every bout.
    """
    rng = np.random.default_rng(seed)
    begin = np.concatenate([[0], np.flatnonzero(np.diff(labels)) + 1])
    bout = np.searchsorted(begin, np.arange(len(labels)), side="right") - 1
    since = np.arange(len(labels)) - begin[bout]
    xy = np.array([shapes[k](t / FPS) for k, t in zip(labels, since, strict=True)])
    xy = xy + rng.normal(0, noise, xy.shape)
    space = xy.shape[2]
    place = rng.uniform(-500, 500, (len(begin), space))[bout]
    heading = rng.uniform(-np.pi, np.pi, len(begin))[bout]
    nothing = np.full(xy.shape[:2], np.nan)
    track = Track(
        name, xy, nothing, nothing, np.arange(len(labels)) / FPS, FPS,
        Skeleton(("nose", "left", "tail")), "mm",
    )  # fmt: skip
    return Aligned(track, place, heading, np.zeros(len(labels), bool), up)


def still(t):
    return REST


def nod(t):
    return REST + np.array([[0.0, 30.0 * t], [0.0, 0.0], [0.0, 0.0]])


def repeated(bouts, length=12):
    return np.tile(np.repeat([0, 1], length), bouts)


def test_a_planted_movement_comes_back_in_the_frame_of_the_onset():
    labels = repeated(10)
    made = animal(labels, [still, nod])
    settings = TrajectorySettings(before_s=0.0, after_s=0.5)
    found = trajectories(pack([labels], ["a"], FPS), [made], settings)
    assert found.labels.tolist() == [0, 1]
    assert found.lag_s.tolist() == pytest.approx([i / FPS for i in range(11)])
    wanted = np.array([[still(t) for t in found.lag_s], [nod(t) for t in found.lag_s]])
    assert np.allclose(found.median, wanted, atol=1e-9)
    assert found.onsets.tolist() == [9, 10]  # the first bout began before it was seen


def test_a_walk_goes_ahead_from_the_onset_in_two_and_three_dimensions():
    labels = repeated(6, 15)
    for space in (2, 3):
        rest = np.zeros((3, space))
        rest[:, :2] = REST
        made = animal(labels, [lambda t, rest=rest: rest] * 2)
        walked = np.zeros((len(labels), 1, space))
        walked[:, 0, 0] = np.tile(np.concatenate([np.zeros(15), np.arange(15) * 3.0]), 6)
        world = rotate(walked, made.heading, [0, 1])[:, 0]
        moved = made._replace(centroid=made.centroid + world)
        settings = TrajectorySettings(before_s=0.0, after_s=0.5)
        found = trajectories(pack([labels], ["a"], FPS), [moved], settings)
        ahead = found.median[1, :, :, 0] - found.median[1, 0, :, 0]
        assert np.allclose(ahead, 3.0 * np.arange(11)[:, None], atol=1e-9)
        assert np.allclose(found.median[1, :, :, 1:], rest[:, 1:], atol=1e-9)


def test_turning_and_moving_the_arena_changes_nothing():
    rng = np.random.default_rng(3)
    labels = repeated(12)
    made = animal(labels, [still, nod], noise=1.0)
    turned = made._replace(
        centroid=rotate(made.centroid[:, None], np.full(len(labels), 0.7), [0, 1])[:, 0] + 9.0,
        heading=made.heading + 0.7,
    )
    seq = pack([labels], ["a"], FPS)
    settings = TrajectorySettings(instances=5)
    one, other = (trajectories(seq, [each], settings) for each in (made, turned))
    assert np.allclose(one.median, other.median, atol=1e-8)
    assert one.chosen.equals(other.chosen)
    assert rng.random() < 1


def test_the_typical_instances_are_those_of_the_dense_cloud():
    rng = np.random.default_rng(1)
    dense = rng.normal(0, 0.1, (30, 4, 2, 2))
    wide = rng.normal(5, 4.0, (60, 4, 2, 2))
    order = rng.permutation(90)
    windows = np.concatenate([dense, wide])[order]
    assert set(order[typical(windows, 20, 5)].tolist()) <= set(range(30))
    apart = np.linalg.norm((windows[:, None] - windows).reshape(90, 90, -1), axis=2)
    far = np.sort(apart, axis=1)[:, 5]
    assert typical(windows, 7, 5).tolist() == np.argsort(far)[:7].tolist()


def test_absent_keypoints_are_borne_and_the_rest_is_their_median():
    labels = repeated(20)
    made = animal(labels, [still, nod], noise=0.5)
    holed = made.track.xy.copy()
    holed[np.random.default_rng(0).random(len(labels)) < 0.2, 1] = np.nan
    holed[:, 2] = np.nan
    held = made._replace(track=made.track._replace(xy=holed))
    settings = TrajectorySettings(absent=0.6)
    found = trajectories(pack([labels], ["a"], FPS), [held], settings)
    assert np.isnan(found.median[:, :, 2]).all()
    assert np.isfinite(found.median[:, :, :2]).all()


def test_order_of_recordings_changes_nothing_and_large_labels_are_sampled_by_seed():
    labels = repeated(40, 6)
    pair = [animal(labels, [still, nod], name, seed=s, noise=1.0) for s, name in
            enumerate(("a", "b"))]  # fmt: skip
    settings = TrajectorySettings(most=20, instances=5, before_s=0.1, after_s=0.2)
    seq = pack([labels, labels], ["a", "b"], FPS)
    one = trajectories(seq, pair, settings)
    assert np.array_equal(one.median, trajectories(seq, pair[::-1], settings).median)
    again = trajectories(seq, pair, settings, random_state=1)
    assert not np.array_equal(one.median, again.median)
    assert one.onsets.tolist() == [20, 20]


def test_halves_of_a_label_differ_by_less_than_labels_do():
    labels = repeated(30)
    made = animal(labels, [still, nod], noise=1.0)
    found = trajectories(pack([labels], ["a"], FPS), [made], TrajectorySettings(before_s=0.0))
    apart = distance(found.median[0], found.median[1])
    assert (found.repeat > 0).all()
    assert (3 * found.repeat < apart).all()
    assert distance(np.zeros((2, 3, 2)), np.full((2, 3, 2), 3.0)) == pytest.approx(18**0.5)


def test_poses_that_do_not_fit_are_named():
    labels = repeated(3)
    made = animal(labels, [still, nod])
    with pytest.raises(InputError, match="recording 'b' has no poses"):
        trajectories(pack([labels], ["b"], FPS), [made])
    with pytest.raises(InputError, match="71 labels but 72"):
        trajectories(pack([labels[1:]], ["a"], FPS), [made])


def test_without_enough_instances_there_is_no_label():
    labels = repeated(2)
    found = trajectories(pack([labels], ["a"], FPS), [animal(labels, [still, nod])])
    assert len(found.labels) == 0
    assert found.median.shape == (0, 15, 3, 2)


def test_few_labels_at_a_time_and_poses_left_in_the_world_give_the_same(monkeypatch):
    labels = repeated(12)
    pair = [animal(labels, [still, nod], name, seed=s, noise=1.0) for s, name in
            enumerate(("a", "b"))]  # fmt: skip
    seq = pack([labels, labels], ["a", "b"], FPS)
    whole = trajectories(seq, iter(pair))
    monkeypatch.setattr("gambol.behavior.trajectories.HELD_BYTES", 1.0)  # a label at a time
    world = [rotate(one.track.xy, one.heading, [0, 1]) + one.centroid[:, None] for one in pair]
    placed = [
        Placed(one.track._replace(xy=xy), one.centroid, one.heading, "z")
        for one, xy in zip(pair, world, strict=True)
    ]
    for again in (trajectories(seq, pair), trajectories(seq, iter(pair)),
                  trajectories(seq, placed)):  # fmt: skip
        np.testing.assert_allclose(again.median, whole.median, atol=1e-9)
        assert again.chosen.equals(whole.chosen)
