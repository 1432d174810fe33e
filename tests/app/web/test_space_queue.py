"""The worst points and the health of cameras, of a run with a planted mistake."""

from dataclasses import replace

import numpy as np
import pytest
from spaced import world

from gambol.app.web.space_files import Run3d, find
from gambol.app.web.space_points import words
from gambol.app.web.space_queue import errors, health, queue
from gambol.core.cameras import Rig


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("queue") / "one.gambol"
    world(folder, seconds=1.0)
    (path,) = find(folder).runs.values()
    return Run3d(path)


def test_percentiles_and_order_are_those_of_all_errors(run):
    found = errors(run)
    far = run.moments(0, run.frames).residual
    for v in range(len(run.cameras)):
        assert found.p95[v] == pytest.approx(np.nanpercentile(far[..., v], 95), rel=0.1)
    ratio = far / found.p95
    assert len(found.place) == (ratio > 1).sum()
    np.testing.assert_allclose(
        found.error / found.p95[found.place[:, 3]], np.sort(ratio[ratio > 1])[::-1], rtol=1e-5
    )


def test_a_view_left_out_leaves_the_queue(run):
    found = errors(run)
    top = queue(run, found, {})[0]
    place = {"frame": top.frame, "animal": top.animal, "keypoint": top.keypoint}
    said = words([{"do": "leave", "camera": top.camera, **place}])
    now = queue(run, found, said)
    same = [
        e
        for e in now
        if (e.frame, e.keypoint, e.camera) == (top.frame, top.keypoint, top.camera)
    ]
    assert same == []
    accepted = queue(run, found, words([{"do": "accept", **place}]))
    assert accepted[-1].accepted and not accepted[0].accepted


def test_a_camera_that_was_turned_shows_in_its_pairs(run):
    before = health(run)
    turned = run.params.copy()
    turned[1, 3:5] += 12  # its principal point
    run.params, kept = turned, run.params
    after = health(run)
    run.params = kept
    for one, other in zip(before.pairs, after.pairs, strict=True):
        worse = run.cameras[1] in one.cameras
        assert (other.rms > 1.5 * one.rms) == worse


def test_exchanged_cameras_are_named(run):
    run = Run3d(run.path)
    assert health(run).findings == []
    made = list(run.rig.cameras)
    names = [one.name for one in made]
    made[0], made[2] = (replace(made[k], name=names[n]) for k, n in ((2, 0), (0, 2)))
    run.rig = Rig(tuple(made), units=run.rig.units)
    (found,) = [one for one in health(run).findings if one.check == "swapped cameras"]
    assert set(found.cameras) == {names[0], names[2]}
