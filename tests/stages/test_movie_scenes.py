"""Places and headings of animals, from the labels' file, from poses, or not at all."""

import numpy as np
import pytest
from film_worlds import (
    BODY,
    FPS,
    FRAMES,
    HEIGHT,
    SHAPE,
    WIDTH,
    keypoints,
    labels,
    path,
    run_file,
    world,
    write_poses,
    write_video,
)

from gambol.behavior import align
from gambol.core.errors import InputError
from gambol.io.syllables import Source
from gambol.stages import movie_scenes
from gambol.stages.movie_sources import Subject

ENDS = {"anterior": ["nose"], "posterior": ["tail"]}


def subject(folder, name="a", **changes):
    file = folder / "labels" / f"{name}.csv"
    one = Subject(
        name, FRAMES, FPS, Source(name, file, "", None), folder / "videos" / f"{name}.mp4",
        folder / "poses" / f"{name}.nc", 0,
    )  # fmt: skip
    return one._replace(**changes)


def scene(one, **how):
    (found,) = movie_scenes.scenes([one], **how)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return world(tmp_path_factory.mktemp("scenes"), ("a",))


def test_place_and_heading_follow_from_poses(folder):
    centre, heading = path(0)
    found = scene(subject(folder), **ENDS)
    assert np.abs(found.centroid - centre).max() < 1e-3
    assert np.abs(np.exp(1j * found.heading) - np.exp(1j * heading)).max() < 1e-3
    assert found.video is not None and not found.whole
    assert scene(subject(folder)).heading is None


def test_what_the_labels_file_says_comes_first(folder, tmp_path):
    centre, heading = path(3)
    run_file(tmp_path / "a.nc", labels(0), centre, heading)
    own = subject(folder, source=Source("a", tmp_path / "a.nc", "", None))
    found = scene(own, **ENDS)
    assert np.abs(found.centroid - centre).max() < 1e-3
    assert np.abs(found.heading - heading).max() < 1e-3


def test_where_nothing_is_known_the_whole_frame_is_shown(folder):
    found = scene(subject(folder, poses=None))
    assert found.whole and found.size == WIDTH and found.heading is None
    assert found.centroid[5].tolist() == [(WIDTH - 1) / 2, (HEIGHT - 1) / 2]


def test_who_cannot_be_seen_has_no_scene(folder):
    assert scene(subject(folder, poses=None, video=None)) is None
    assert scene(subject(folder, poses=None), picture="poses") is None
    assert not movie_scenes.seeable(subject(folder, video=None), "video")


def test_the_middle_of_all_is_shown_where_no_animal_is_named(folder, tmp_path):
    two = np.stack([keypoints(*path(0)), keypoints(*path(2))], axis=1)
    write_poses(tmp_path / "a.nc", two, ("x", "y"))
    found = scene(subject(folder, poses=tmp_path / "a.nc", animal=-1), **ENDS)
    assert np.abs(found.centroid - (path(0)[0] + path(2)[0]) / 2).max() < 1e-3
    assert found.heading is None
    window = movie_scenes.window(found, np.array([3, 4]), others=False)
    assert window.points.shape == (2, 2, 3, 2) and window.focal == -1


def test_a_window_holds_the_frames_asked_for_with_others_or_without(folder, tmp_path):
    two = np.stack([keypoints(*path(0)), keypoints(*path(2))], axis=1)
    write_poses(tmp_path / "a.nc", two, ("x", "y"))
    found = scene(subject(folder, poses=tmp_path / "a.nc", animal=1))
    at = np.array([7, 7, 90])
    both = movie_scenes.window(found, at, others=True)
    alone = movie_scenes.window(found, at, others=False)
    assert both.focal == 1 and np.abs(both.points - two[at]).max() < 1e-4
    assert alone.focal == 0 and np.abs(alone.points[:, 0] - two[at, 1]).max() < 1e-4


def test_keypoints_of_low_confidence_are_not_known(folder, tmp_path):
    points = keypoints(*path(0))[:, None]
    points[10, 0, 2] = np.nan
    write_poses(tmp_path / "a.nc", points)
    one = subject(folder, poses=tmp_path / "a.nc", video=None)
    found = scene(one, min_confidence=0.5, **ENDS)
    assert np.isnan(found.posed.points[10, 0, 2]).all()
    assert np.isfinite(found.heading).all()


def test_3d_poses_are_seen_on_their_floor(folder, tmp_path):
    """The animal of the films, walking across z and x, 5 above the floor, y up."""
    centre, heading = path(0)
    flat = keypoints(centre, heading)
    solid = np.stack([flat[..., 1], np.full(flat.shape[:2], 5.0), flat[..., 0]], axis=-1)
    solid[:, 0, 1] = 0.0
    write_poses(tmp_path / "a.nc", solid[:, None], up=[0.0, 1.0, 0.0], space_unit="mm")
    found = scene(subject(folder, poses=tmp_path / "a.nc"), **ENDS)
    assert found.video is None  # px and mm are not of one space
    assert np.abs(found.centroid - centre).max() < 1e-3
    assert np.abs(np.exp(1j * (found.heading - heading)) - 1).max() < 1e-3
    assert found.posed.floor == 0 and found.posed.height == 5 and found.posed.letter == "y"
    stage = movie_scenes.stage(found.posed, ["above"], 5.0)
    assert stage.views == ("above",) and stage.spin == 5.0
    below = scene(subject(folder, poses=tmp_path / "a.nc"), up="-y", **ENDS)
    assert below.posed.up.tolist() == [0, -1, 0] and below.posed.floor == -5
    own = movie_scenes.placed(found)
    turned = align.rotate(own.track.xy - own.centroid[:, None], -own.heading, [2, 0])
    ahead = turned[:, :, 2]
    assert np.abs(ahead - SHAPE[:, 0]).max() < 1e-3  # z, then x, are across y


def test_poses_of_other_frames_are_refused(folder, tmp_path):
    write_poses(tmp_path / "a.nc", keypoints(*path(0))[:50, None])
    with pytest.raises(InputError, match="50 frames of poses for 120 labels"):
        scene(subject(folder, poses=tmp_path / "a.nc"))


def test_a_video_that_is_shorter_is_remarked(folder, tmp_path):
    write_video(tmp_path / "a.mp4", keypoints(*path(0))[:, None], 40)
    found = scene(subject(folder, video=tmp_path / "a.mp4"))
    assert "lasts 2.0 s, its labels 6.0 s" in found.remarks[0]


def test_keypoints_that_nothing_joins_are_joined_by_the_shortest_tree():
    from dataclasses import replace

    points = keypoints(*path(0))[:, None]
    points[3:40, 0, 1] = np.nan
    loose = replace(BODY, parent=(-1, -1, -1))
    joined = movie_scenes._joined(loose, points)
    assert {frozenset(edge) for edge in joined.drawn} == {frozenset({0, 1}), frozenset({1, 2})}
    assert movie_scenes._joined(BODY, points) is BODY
