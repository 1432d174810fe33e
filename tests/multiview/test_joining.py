"""Components joined by what is named, and refused where that says too little."""

from dataclasses import replace

import numpy as np
import pytest
from rings import seen
from sided import LEFT, NAMES, PAIRS, RIGHT, SHAPE, between, filmed

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.kernels import rotation
from gambol.multiview import joining
from gambol.multiview.joins import (
    Apart,
    Asked,
    ByMidline,
    ByShape,
    ByTemplate,
    Lone,
    Part,
)

TURN = rotation.exp(np.array([0.3, 1.0, -0.7]))
SHIFT = np.array([5.0, -8.0, 100.0])
MIDLINE = ByMidline(points=PAIRS)


def sides(seed=0, noise=0.3, **changes):
    """Parts with points in axes of their own, the true rig and what joiners are asked."""
    rng = np.random.default_rng(seed)
    rig, views = filmed(seed, **changes)
    rest = np.array([*SHAPE.values()])
    frames = len(views.xy)
    turns = np.array([rotation.exp(v) for v in rng.normal(0, 0.5, (frames, 3))])
    xyz = np.einsum("tij,kj->tki", turns, rest) + rng.normal(0, 60, (frames, 1, 3))
    left = np.array([name.endswith("_l") for name in NAMES])
    parts = []
    for names, own in ((LEFT, left), (RIGHT, ~left)):
        found = xyz + rng.normal(0, noise, xyz.shape)
        found[:, ~own] = np.nan
        parts.append(Part(rig.select(list(names)), found))
    parts[1] = parts[1].moved(TURN, SHIFT, 0.25)
    return parts, rig, Asked(Skeleton(NAMES), rig, np.random.default_rng(0))


def joined(parts, asked, spec):
    """The one part that is left, and how it came about."""
    ((whole, ways),) = joining.join(parts, asked, spec)
    return whole, ways


@pytest.mark.parametrize("spec", [MIDLINE, ByShape(points=SHAPE)], ids=lambda s: s.kind)
def test_two_sides_are_brought_together(spec):
    parts, rig, asked = sides()
    whole, (way,) = joined(parts, asked, spec)
    assert between(whole.rig, rig) < 0.2
    assert way.scale == pytest.approx(4, rel=0.01)
    assert way.angle_sd < 0.2 and way.apart < 0.05
    for name in RIGHT:
        np.testing.assert_allclose(whole.rig[name].centre, rig[name].centre, atol=8)
    assert (way.cameras, way.to, way.frames) == (RIGHT, LEFT, 80)
    assert np.isfinite(whole.points).all()
    assert way.sentence.startswith("Cameras c3, c4, c5 are joined to c0, c1, c2 by the")


def test_nothing_is_joined_unless_it_is_said():
    parts, _, asked = sides()
    assert joining.join(parts, asked, Apart()) == [(part, ()) for part in parts]


def test_the_template_joins_as_far_as_it_is_believed():
    parts, rig, asked = sides()
    whole, (way,) = joined(parts, asked, ByTemplate(sd=3.0))
    assert between(whole.rig, rig) < 1e-5
    # the mean of three directions against that of three others
    assert way.angle_sd == pytest.approx(3.0 * np.sqrt(2 / 3))
    assert "a prior of sd 2.4°" in way.sentence and "as the settings say" in way.sentence


def scattered(rig, seed, degrees):
    """The rig with every direction off by so much, root mean square."""
    rng, cameras = np.random.default_rng(seed), []
    for camera in rig.cameras:
        off = rotation.exp(rng.normal(0, np.radians(degrees) / np.sqrt(3), 3))
        cameras.append(replace(camera, rotation=rotation.log(off @ camera.turn)))
    return replace(rig, cameras=tuple(cameras))


def test_a_template_that_its_own_sides_contradict_is_believed_less():
    parts, rig, asked = sides()
    spec, doubt, error = ByTemplate(sd=1.0, most_sd=180.0), [], []
    for seed in range(20):
        off = asked._replace(template=scattered(rig, seed, 12))
        whole, (way,) = joined(parts, off, spec)
        doubt.append(way.angle_sd)
        error.append(between(whole.rig, rig))
    expected = 12 * np.sqrt(2 / 3)
    assert np.sqrt(np.mean(np.square(doubt))) == pytest.approx(expected, rel=0.15)
    assert np.sqrt(np.mean(np.square(error))) == pytest.approx(expected, rel=0.25)
    with pytest.raises(InputError, match="as the components show, 5 are allowed; measure"):
        joining.join(parts, off, ByTemplate(sd=1.0))


def test_few_points_are_refused_with_what_to_do():
    parts, _, asked = sides(frames=9)
    with pytest.raises(InputError, match="27 points in 9 frames .* 30 in 5 .* film longer"):
        joining.join(parts, asked, MIDLINE)


def test_an_unsure_angle_is_refused_with_what_to_do():
    parts, _, asked = sides(frames=12, noise=0.3)
    still = [part._replace(points=part.points[:1].repeat(12, axis=0)) for part in parts]
    rng = np.random.default_rng(2)
    still = [p._replace(points=p.points + rng.normal(0, 15, p.points.shape)) for p in still]
    with pytest.raises(InputError, match="sure to .*° only .* 5 are allowed; name keypoints"):
        joining.join(still, asked, MIDLINE)


def test_exchanged_sides_are_told_by_a_mirror():
    parts, _, asked = sides()
    mirror = parts[1]._replace(points=parts[1].points * [-1.0, 1.0, 1.0])
    with pytest.raises(InputError, match="in a mirror"):
        joining.join([parts[0], mirror], asked, MIDLINE)


def test_a_third_side_may_be_joined_over_the_second():
    """The first and third share no name."""
    (first, right), rig, asked = sides()
    middle = [NAMES.index(name) for _, name in PAIRS]
    points = right.points.copy()
    points[:, middle] = np.nan
    third = right._replace(rig=right.rig.select(["c4", "c5"]), points=points)
    second = right._replace(rig=right.rig.select(["c3"]))
    names = (*PAIRS, "eye_r", "hip_r", "knee_r")
    whole, ways = joined([first, third, second], asked, ByMidline(points=names))
    assert [way.cameras for way in ways] == [("c3",), ("c4", "c5")]
    assert between(whole.rig, rig) < 0.2


def test_lengths_are_those_of_the_part_that_knows_them():
    parts, _, asked = sides()
    whole, _ = joined([parts[0], parts[1]._replace(scaled=True)], asked, MIDLINE)
    nose, tail = NAMES.index("nose_r"), NAMES.index("tail_r")
    length = np.linalg.norm(whole.points[:, nose] - whole.points[:, tail], axis=1)
    assert whole.scaled and np.median(length) == pytest.approx(30, rel=0.01)  # 120 × 0.25


def test_a_stiff_shape_needs_three_points_off_a_line_and_says_more_than_was_seen():
    parts, _, _ = sides(noise=0.0)
    shape = np.array([*SHAPE.values()])
    points = parts[0].points
    out = joining.laid(points, 7 * shape)  # any unit
    left = np.isfinite(points[0]).all(-1)
    np.testing.assert_allclose(out[:, left], points[:, left], atol=1e-9)
    assert np.isfinite(out).all()
    bare = np.where(np.isin(NAMES, ("nose_l", "tail_l"))[:, None], points, np.nan)
    assert np.isnan(joining.laid(bare, shape)).all()


def test_a_bent_frame_is_left_out():
    rng = np.random.default_rng(0)
    parts, _, _ = sides(noise=0.3)
    points = parts[0].points.copy()
    points[5] += rng.normal(0, 20, points[5].shape)
    out = joining.laid(points, np.array([*SHAPE.values()]))
    assert np.flatnonzero(np.isnan(out).all((1, 2))).tolist() == [5]


@pytest.mark.parametrize("spec", [MIDLINE, ByShape(points=SHAPE)], ids=lambda s: s.kind)
def test_a_camera_alone_is_placed_by_what_the_others_found(spec):
    parts, rig, asked = sides()
    rng = np.random.default_rng(3)
    true = joined(parts, asked, ByTemplate())[0].points  # of both sides, in the rig's axes
    uv = seen(rig, true.reshape(-1, 3), rng, 0.5).reshape(80, len(NAMES), 6, 2)[:, :, 4]
    right = np.array([name.endswith("_r") for name in NAMES])
    uv[:, ~right] = np.nan
    lone = Lone(replace(rig["c4"], rotation=np.zeros(3), translation=np.zeros(3)), uv)
    whole, way = joining.join_lone(parts[0], lone, asked, spec)
    assert rotation.degrees(whole.rig["c4"].turn, rig["c4"].turn) < 0.5
    assert way.cameras == ("c4",) and way.apart < 1.5 and way.angle_sd < 0.5
    assert "its direction is sure to" in way.sentence
    few = joining.join_lone(parts[0], lone._replace(xy=uv * np.nan), asked, spec)
    assert "0 points, 30 in 5 frames are needed" in few
    assert "only" in joining.join_lone(parts[0], lone, asked, ByTemplate())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "midline"}, "needs the names"),
        ({"kind": "midline", "points": ["snout"]}, "no keypoint 'snout'"),
        ({"kind": "midline", "points": [["nose_l", "snout"]]}, "no keypoint 'snout'"),
        ({"kind": "rigid", "points": {"nose_l": [0, 0, 0]}}, "three keypoints"),
        (
            {
                "kind": "rigid",
                "points": {"nose_l": [0, 0, 0], "neck_l": [1, 0, 0], "tail_l": [2, 0, 0]},
            },
            "not lie on one line",
        ),
    ],
    ids=str,
)
def test_settings_that_join_nothing_are_refused_at_once(values, said):
    with pytest.raises(InputError, match=said):
        joining.check(joining.joiners.parse(values), Skeleton(NAMES))


@pytest.mark.parametrize("kind", joining.joiners.kinds())
def test_every_kind_is_written_as_it_is_read(kind):
    spec = joining.joiners.parse({"kind": kind})
    assert joining.joiners.parse(spec.model_dump(mode="json")) == spec
