"""A rig with a planted fault is named; a good one is left alone."""

from dataclasses import replace

import numpy as np
import pytest
from rings import jolted, ring, seen

from gambol.core.cameras import Camera, Rig
from gambol.kernels import rotation
from gambol.multiview.findings import Limits
from gambol.multiview.rig_check import check
from gambol.multiview.rig_evidence import Body, Evidence, Length
from gambol.multiview.unknowns import CameraSd


def real(count=4):
    """A rig whose lenses differ, as real ones do."""
    rng = np.random.default_rng(0)
    rig = ring(count)
    cameras = []
    for camera in rig.cameras:
        f, (cx, cy) = rng.normal(900, 10), rng.normal([640, 512], 8)
        matrix = np.array([[f, 0, cx], [0, f * 1.001, cy], [0, 0, 1]])
        cameras.append(replace(camera, matrix=matrix))
    return replace(rig, cameras=tuple(cameras))


def changed(rig, name, **values):
    return replace(
        rig, cameras=tuple(replace(c, **values) if c.name == name else c for c in rig.cameras)
    )


def scaled(rig, name, x, y):
    return changed(rig, name, matrix=np.diag([x, y, 1.0]) @ rig[name].matrix)


def found(rig, evidence=None, limits=None):
    return {(f.check, f.cameras) for f in check(rig, evidence, limits or Limits())}


def test_a_good_rig_has_no_findings():
    assert check(real()) == []


def test_a_camera_copied_over_another_is_named():
    rig = real()
    copied = replace(rig, cameras=(*rig.cameras[:3], replace(rig["c1"], name="c3")))
    got = found(copied)
    assert ("repeated camera", ("c1", "c3")) in got
    assert ("equal intrinsics", ("c1", "c3")) in got
    assert all("c1" in cameras or "c3" in cameras for _, cameras in got)


def test_a_transposed_matrix_is_named():
    rig = real()
    got = check(changed(rig, "c2", matrix=rig["c2"].matrix.T))
    assert {f.cameras for f in got} == {("c2",)}
    assert "transposed" in got[0].sentence and got[0].check == "transposed matrix"


def test_a_focal_length_of_thirty_times_is_named():
    rig = real()
    matrix = rig["c2"].matrix.copy()
    matrix[[0, 1], [0, 1]] *= 30
    got = check(changed(rig, "c2", matrix=matrix))
    assert {f.cameras for f in got} == {("c2",)}
    assert {f.check for f in got} == {"focal length", "focal length of the others"}
    assert "kind: affine" in got[0].sentence


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ({"matrix": np.array([[200.0, 0, 640], [0, 200, 512], [0, 0, 1]])}, "focal length"),
        ({"matrix": np.array([[900.0, 0, 640], [0, 950, 512], [0, 0, 1]])}, "aspect"),
        ({"matrix": np.array([[900.0, 0, 200], [0, 900, 512], [0, 0, 1]])}, "principal point"),
        ({"distortion": np.array([-0.9, 0, 0, 0, 0])}, "fold-over"),
    ],
)
def test_implausible_lenses_are_named(fault, name):
    assert (name, ("c1",)) in found(changed(real(), "c1", **fault))


def test_a_translation_of_the_wrong_sign_is_named():
    rig = real(6)
    turned = changed(rig, "c1", translation=-rig["c1"].translation)
    assert ("looks away", ("c1",)) in found(turned)


def test_repeated_affine_cameras_are_named():
    linear = np.vstack([np.eye(3)[:2] * 20, np.zeros(3)])
    one = Camera("a", linear, np.zeros(3), np.zeros(3), kind="affine")
    other = replace(one, name="b", matrix=linear @ rotation.exp(np.array([0.0, 1.0, 0.0])))
    assert found(Rig((one, other))) == set()
    assert found(Rig((one, other, replace(one, name="c")))) == {("repeated camera", ("a", "c"))}


def test_limits_can_be_moved():
    rig = scaled(real(), "c0", 1.03, 1.0)
    assert ("aspect", ("c0",)) in found(rig)
    assert found(rig, limits=Limits(aspect=0.05)) == set()


def evidence_of(rig, rng, frames=60, corners=30, noise=0.3, **more):
    xyz = rng.normal(0, 80, (frames, 1, 3)) + rng.normal(0, 150, (frames, corners, 3))
    uv = seen(rig, xyz.reshape(-1, 3), rng, noise).reshape(frames, corners, len(rig), 2)
    return Evidence(uv.transpose(0, 2, 1, 3), xyz, **more)


def test_good_evidence_adds_no_findings():
    rig = real()
    evidence = evidence_of(rig, np.random.default_rng(1), boards=True, working=1100.0)
    assert check(rig, evidence, Limits(covered=0.3)) == []


def test_a_nudged_camera_fits_badly():
    rig, rng = real(), np.random.default_rng(2)
    nudged = changed(rig, "c2", translation=rig["c2"].translation + [3, 0, 0])
    got = check(nudged, evidence_of(rig, rng))
    assert [f.cameras for f in got if f.check == "fit"] == [("c2",)]


def test_a_lens_model_that_is_too_small_shows_along_the_radius():
    rig, rng = real(), np.random.default_rng(3)
    bent = changed(rig, "c1", distortion=np.array([-0.1, 0.2, 0, 0, 0]))
    got = found(rig, evidence_of(bent, rng))
    assert ("radius", ("c1",)) in got and ("radius", ("c0",)) not in got


def test_a_camera_nudged_halfway_shows_in_time():
    rig, rng = real(), np.random.default_rng(4)
    evidence = evidence_of(rig, rng)
    xy = evidence.xy.copy()
    xy[30:, 3, :, 0] += 0.9
    got = found(rig, evidence._replace(xy=xy))
    assert {("time", ("c3",))} == {f for f in got if f[0] == "time"}


def test_cameras_that_share_nothing_are_groups():
    rig, rng = real(), np.random.default_rng(5)
    evidence = evidence_of(rig, rng)
    xy = evidence.xy.copy()
    xy[:30, :2], xy[30:, 2:] = np.nan, np.nan
    got = check(rig, evidence._replace(xy=xy))
    groups = [f for f in got if f.check == "components"]
    assert groups[0].value == 2 and "c0, c1 | c2, c3" in groups[0].sentence
    assert {f.cameras for f in got if f.check == "one edge"} == {(f"c{k}",) for k in range(4)}


def test_loops_and_unsure_focal_lengths_are_named():
    rig, rng = real(), np.random.default_rng(6)
    sd = {"c0": CameraSd(0.08, np.zeros(2), np.zeros(3), 0.0)}
    evidence = evidence_of(rig, rng, sd=sd, loops={("c0", "c2"): 0.9, ("c1", "c3"): 0.1})
    assert found(rig, evidence) == {("sure focal length", ("c0",)), ("loop", ("c0", "c2"))}


def test_few_boards_in_one_corner_at_one_distance_are_named():
    rig, rng = real(), np.random.default_rng(7)
    evidence = evidence_of(rig, rng, frames=5, corners=20, boards=True, working=3000.0)
    got = {check for check, _ in found(rig, evidence)}
    assert {"boards", "coverage", "working distance"} <= got


def test_points_behind_a_camera_are_named():
    rig, rng = real(), np.random.default_rng(8)
    away = rotation.exp(np.array([0.0, np.pi, 0.0])) @ rig["c1"].turn
    shift = -away @ rig["c1"].centre
    turned = changed(rig, "c1", rotation=rotation.log(away), translation=shift)
    assert ("behind", ("c1",)) in found(turned, evidence_of(rig, rng))


def test_a_wrong_length_is_named():
    rig, rng = real(), np.random.default_rng(9)
    evidence = evidence_of(rig, rng)
    xyz = evidence.xyz.copy()
    xyz[:, 1] = xyz[:, 0] + [24.5, 0, 0]
    xy = seen(rig, xyz.reshape(-1, 3)).reshape(60, 30, 4, 2).transpose(0, 2, 1, 3)
    known = evidence._replace(xy=xy, xyz=xyz, lengths=(Length(0, 1, 24.0),))
    got = [f for f in check(rig, known) if f.check == "known distance"]
    assert got[0].value == pytest.approx(0.5 / 24) and "+2.1 % off" in got[0].sentence


#            front  back   left   right  high   low
BODY = [[30, 0, 10], [-30, 0, 10], [0, 10, 10], [0, -10, 10], [0, 0, 20], [0, 0, 0]]


@pytest.mark.parametrize(
    ("mirror", "up", "wanted"),
    [
        (1.0, (0.0, 0.0, 1.0), set()),
        (1.0, (0.0, 0.0, -1.0), {"upside-down"}),
        (-1.0, (0.0, 0.0, 1.0), {"handedness"}),
    ],
)
def test_animals_that_lie_wrong_in_the_world_are_seen(mirror, up, wanted):
    rig, rng = replace(real(), up=up), np.random.default_rng(10)
    xyz = np.array(BODY, float) * [1, mirror, 1] + rng.normal(0, 50, (40, 1, 3))
    xy = seen(rig, xyz.reshape(-1, 3)).reshape(40, 6, 4, 2).transpose(0, 2, 1, 3)
    got = found(rig, Evidence(xy, xyz, body=Body(0, 1, 2, 3, 4, 5)))
    assert {check for check, _ in got} == wanted


def test_a_rig_found_from_noise_passes_its_own_check():
    rng = np.random.default_rng(11)
    assert check(jolted(real(), rng, 0.2, 100)) == []
