"""Cameras found from the animal alone, planted and real."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from rings import jolted, ring, seen
from sided import LEFT, PAIRS, RIGHT, SHAPE, between, filmed

from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.views import of_points
from gambol.kernels import rotation
from gambol.multiview.joins import ByMidline, ByShape, ByTemplate
from gambol.multiview.selfcalibrate import (
    KnownLength,
    SelfCalibration,
    components,
    selfcalibrate,
)

NAMES = ("nose", "neck", "hip", "tail", "paw")
REST = np.array([[60.0, 0, 0], [30, 5, 10], [-20, -5, 8], [-60, 0, 3], [10, 20, -20]])


def animal(rng, frames=80):
    """A stiff animal that walks and turns about: (T, J, 3)."""
    angle = np.cumsum(rng.normal(0, 0.4, frames))
    turns = rotation.about(np.array([0.0, 0.0, 1.0]), angle)
    return np.einsum("tij,kj->tki", turns, REST) + rng.normal(0, 60, (frames, 1, 3))


def views_of(rig, xyz, rng, noise=0.5):
    uv = seen(rig, xyz.reshape(-1, 3), rng, noise).reshape(*xyz.shape[:2], len(rig), 2)
    return of_points(uv.transpose(0, 2, 1, 3), tuple(rig), Skeleton(NAMES))


def unposed(rig):
    return replace(
        rig,
        cameras=tuple(
            replace(c, rotation=np.zeros(3), translation=np.zeros(3)) for c in rig.cameras
        ),
    )


def relative(rig, names):
    first = rig[names[0]].turn
    return np.stack([rig[name].turn @ first.T for name in names])


def worst_angle(rig, truth, names):
    return rotation.degrees(relative(rig, names), relative(truth, names)).max()


LENGTH = KnownLength("nose", "tail", 120.0, "mm")  # as in REST, but for its 3 mm of height


def test_a_rough_template_becomes_the_rig():
    rng = np.random.default_rng(0)
    rig = ring()
    got = selfcalibrate(
        jolted(rig, rng, 0.1, 50), views_of(rig, animal(rng), rng), known=LENGTH
    )
    assert worst_angle(got.rig, rig, list(rig)) < 0.2
    assert [one.cameras for one in got.components] == [tuple(rig)]
    assert got.error < 1.0
    assert got.unseen == ()
    gaps = np.linalg.norm(got.points[:, 0] - got.points[:, 3], axis=1)
    assert np.median(gaps) == pytest.approx(120, abs=1e-6)


def test_ordinary_lenses_need_no_template():
    rng = np.random.default_rng(1)
    rig = ring(5)
    views = views_of(rig, animal(rng), rng)
    spec = SelfCalibration(start="essential")
    got = selfcalibrate(unposed(rig), views, spec, known=LENGTH)
    assert worst_angle(got.rig, rig, list(rig)) < 0.3
    far = np.linalg.norm(got.rig["c2"].centre - got.rig["c0"].centre)
    assert far == pytest.approx(np.linalg.norm(rig["c2"].centre - rig["c0"].centre), rel=0.01)
    assert got.rig.units == "mm"


def test_outliers_do_not_mislead_pairs():
    rng = np.random.default_rng(2)
    rig = ring(4)
    views = views_of(rig, animal(rng), rng)
    xy = views.xy.copy()
    bad = rng.random(xy.shape[:-1]) < 0.1
    xy[bad] = rng.uniform(0, 1000, (bad.sum(), 2))
    got = selfcalibrate(unposed(rig), views._replace(xy=xy), SelfCalibration(start="essential"))
    assert worst_angle(got.rig, rig, list(rig)) < 0.5
    assert got.rig.units == "unknown"


def test_long_lenses_are_found_by_factorising():
    rng = np.random.default_rng(3)
    rig = ring(4, distance=8000.0, f=9000.0, lens=np.zeros(5))
    views = views_of(rig, animal(rng, 150), rng)
    xy = np.where(rng.random((*views.xy.shape[:-1], 1)) < 0.1, np.nan, views.xy)
    spec = SelfCalibration(start="affine")
    got = selfcalibrate(unposed(rig), views._replace(xy=xy), spec, known=LENGTH)
    assert worst_angle(got.rig, rig, list(rig)) < 0.5
    assert got.error < 1.0


def test_cameras_that_share_nothing_are_separate_and_said_to_be():
    rng = np.random.default_rng(4)
    rig = ring(6)
    views = views_of(rig, animal(rng, 100), rng)
    xy = views.xy.copy()
    xy[:50, :3], xy[50:, 3:] = np.nan, np.nan
    xy[:, 5] = np.nan
    got = selfcalibrate(jolted(rig, rng, 0.1, 50), views._replace(xy=xy))
    assert [one.cameras for one in got.components] == [("c0", "c1", "c2"), ("c3", "c4")]
    assert got.unseen == ("c5",)
    said = " ".join(got.sentences)
    assert "Component 2 of 2: c3, c4" in said and "template alone" in said
    assert "No keypoint was seen by c5" in said
    assert got.shared[0, 3] == 0 and got.shared[0, 1] == 250


WAYS = {
    "midline": (ByMidline(points=PAIRS), {}),
    "midline of a resting animal": (ByMidline(points=PAIRS), {"walk": 5.0, "tilt": 0.05}),
    "rigid": (ByShape(points=SHAPE), {"bend": 0.5}),
}


@pytest.mark.parametrize("name", WAYS)
def test_sides_are_joined_by_what_is_named_and_the_doubt_is_honest(name):
    spec, world = WAYS[name]
    error, doubt = [], []
    for seed in range(5):
        rig, views = filmed(seed, **world)
        template = jolted(rig, np.random.default_rng(seed), 0.1, 50)
        got = selfcalibrate(template, views, SelfCalibration(join=spec))
        assert [one.cameras for one in got.components] == [LEFT, RIGHT]
        assert got.groups == ((*LEFT, *RIGHT),)
        error.append(between(got.rig, rig))
        doubt.append(got.joins[0].angle_sd)
    assert max(error) < 0.5
    ratio = np.sqrt(np.mean(np.square(error)) / np.mean(np.square(doubt)))
    assert 0.3 < ratio < 1.5  # rather too careful than too sure
    assert any("are joined to c0, c1, c2 by the" in said for said in got.sentences)
    assert not any("template alone" in said for said in got.sentences)


def test_sides_without_evidence_are_refused_and_apart_they_are_named():
    rig, views = filmed(0, frames=8)
    template = jolted(rig, np.random.default_rng(0), 0.05, 20)
    with pytest.raises(InputError, match=r"24 points in 8 frames .* `join.kind: none`"):
        selfcalibrate(template, views, SelfCalibration(join=ByMidline(points=PAIRS)))
    got = selfcalibrate(template, views)
    assert got.joins == () and got.groups == (LEFT, RIGHT)
    assert any("name what does with `join`" in said for said in got.sentences)


def test_a_length_seen_by_one_side_gives_both_their_size():
    rig, views = filmed(1)
    known = KnownLength("shoulder_l", "hip_l", float(np.hypot(60, 2)), "mm")
    template = jolted(rig, np.random.default_rng(0), 0.05, 20)
    spec = SelfCalibration(join=ByMidline(points=PAIRS))
    got = selfcalibrate(template, views, spec, known=known)
    names = list(SHAPE)
    eye, knee = (got.points[:, names.index(name)] for name in ("eye_r", "knee_r"))
    true = np.linalg.norm(np.subtract(SHAPE["eye_r"], SHAPE["knee_r"]))
    assert np.nanmedian(np.linalg.norm(eye - knee, axis=1)) == pytest.approx(true, rel=0.01)
    with pytest.raises(InputError, match="c3, c4, c5 never saw shoulder_l and hip_l"):
        selfcalibrate(template, views, known=known)


def test_ordinary_lenses_that_need_no_template_are_joined_without_one():
    rig, views = filmed(2, tilt=0.4)
    spec = SelfCalibration(start="essential", join=ByMidline(points=PAIRS))
    got = selfcalibrate(unposed(rig), views, spec)
    assert between(got.rig, rig) < 0.3
    assert got.rig.units == "unknown"
    with pytest.raises(InputError, match="no template"):
        selfcalibrate(
            unposed(rig), views, SelfCalibration(start="essential", join=ByTemplate())
        )


def test_a_camera_alone_joins_what_the_others_named():
    rig, views = filmed(3)
    xy = views.xy.copy()
    xy[:, 4:] = np.nan
    start = jolted(rig, np.random.default_rng(0), 0.02, 10)
    alone = views._replace(xy=xy)
    got = selfcalibrate(start, alone, SelfCalibration(join=ByShape(points=SHAPE)))
    assert got.groups == ((*LEFT, "c3"),)
    assert rotation.degrees(*(relative(r, ["c0", "c3"])[1] for r in (got.rig, rig))) < 0.5
    apart = selfcalibrate(start, alone)
    assert apart.groups == (LEFT, ("c3",))
    assert any("Camera c3 shares fewer than 30" in said for said in apart.sentences)


def test_unsure_keypoints_are_not_used():
    rng = np.random.default_rng(5)
    rig = ring(3)
    views = views_of(rig, animal(rng), rng)
    unsure = views._replace(confidence=np.full(views.confidence.shape, 0.2))
    with pytest.raises(InputError, match="share 30 points"):
        selfcalibrate(rig, unsure)


def test_a_template_of_one_direction_is_none():
    rng = np.random.default_rng(6)
    rig = ring(3)
    with pytest.raises(InputError, match="no template"):
        selfcalibrate(unposed(rig), views_of(rig, animal(rng), rng))


def test_a_length_that_was_never_seen_gives_no_scale():
    rng = np.random.default_rng(7)
    rig = ring(3)
    views = views_of(rig, animal(rng), rng)
    xy = views.xy.copy()
    xy[:, :, 0] = np.nan
    with pytest.raises(InputError, match="never saw nose and tail"):
        selfcalibrate(rig, views._replace(xy=xy), known=LENGTH)


def test_components_are_largest_first():
    joined = np.eye(5, dtype=bool)
    joined[1, 4] = joined[4, 1] = joined[4, 2] = joined[2, 4] = True
    assert components(joined) == [[1, 2, 4], [0], [3]]


class Arrays(pickle.Unpickler):
    """Reads arrays and nothing else."""

    def find_class(self, module, name):
        if module.startswith("numpy") and name in ("_reconstruct", "ndarray", "dtype"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}")


def fly(data):
    """The tethered fly of seven cameras: its rig as published, and its keypoints."""
    with (data / "fly_7cam" / "reference_df3d" / "df3d_result.pkl").open("rb") as file:
        said = Arrays(file).load()
    points = said["points2d"]
    gone = (points == 0).all(-1) | ((points[..., 0] == 0) & (points[..., 1] == 1))
    xy = np.where(gone[..., None], np.nan, points[..., ::-1] * [960, 480])
    cameras = [
        Camera(f"camera_{k}", said[k]["intr"], rotation.log(said[k]["R"]), said[k]["tvec"])
        for k in range(7)
    ]
    names = Skeleton(tuple(f"k{j}" for j in range(38)))
    rig = Rig(tuple(cameras))
    return rig, of_points(xy.transpose(1, 0, 2, 3), tuple(rig), names)


def rough(rig, rng, degrees):
    """The rig with directions of view wrong by some degrees, each looking at the fly."""
    cameras = []
    for camera in rig.cameras:
        axis = rng.normal(size=3)
        off = rotation.exp(axis / np.linalg.norm(axis) * np.radians(degrees))
        cameras.append(
            replace(
                camera,
                rotation=rotation.log(off @ camera.turn),
                translation=np.array([0.0, 0.0, 117.0]),
            )
        )
    return replace(rig, cameras=tuple(cameras))


@pytest.mark.parametrize("degrees", [3, 10, 20])
def test_a_fly_is_its_own_board(data, degrees):
    rig, views = fly(data)
    got = selfcalibrate(rough(rig, np.random.default_rng(degrees), degrees), views)
    assert got.error <= 2.3
    sides = [("camera_0", "camera_1", "camera_2"), ("camera_4", "camera_5", "camera_6")]
    assert [one.cameras for one in got.components] == sides
    assert got.unseen == ("camera_3",)
    for side in sides:
        assert worst_angle(got.rig, rig, side) < 1.0


def test_a_fly_is_found_alike_from_different_templates(data):
    rig, views = fly(data)
    ends = [selfcalibrate(rough(rig, np.random.default_rng(k), 10), views).rig for k in (1, 2)]
    for side in (("camera_0", "camera_1", "camera_2"), ("camera_4", "camera_5", "camera_6")):
        assert worst_angle(ends[0], ends[1], side) < 0.04


def test_the_sides_of_a_fly_stay_apart_until_something_joins_them(data):
    """No keypoint is seen by both; its shape here is that of the published cameras."""
    rig, views = fly(data)
    sides = [("camera_0", "camera_1", "camera_2"), ("camera_4", "camera_5", "camera_6")]
    own = selfcalibrate(rig, views)
    assert own.joins == () and own.groups == tuple(sides)
    start = rough(rig, np.random.default_rng(1), 10)
    with pytest.raises(InputError, match="as the components show"):
        selfcalibrate(start, views, SelfCalibration(join=ByTemplate()))
    stripes = tuple((f"k{j}", f"k{j + 19}") for j in (16, 17, 18))  # a fly's width apart
    with pytest.raises(InputError, match=r"sure to .*° only"):
        spec = ByMidline(points=stripes, least=24)
        selfcalibrate(start, views, SelfCalibration(join=spec))
    body = [0, 5, 10, 15, 16, 17, 18, 19, 24, 29, 34, 35, 36, 37]  # coxae, antennae, stripes
    middle = np.nanmean(own.points, axis=0)
    shape = {f"k{j}": tuple(middle[j].tolist()) for j in body}
    got = selfcalibrate(start, views, SelfCalibration(join=ByShape(points=shape)))
    assert between(got.rig, rig, *sides) < 2 * got.joins[0].angle_sd < 4
