"""Films through lenses: the same frames in any order; pixels and points confirm the truth."""

from dataclasses import replace

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.simulate import body3d, mouse, rigs
from gambol.simulate.shots import PictureConfig, Set, Shot

SIZE = (320, 256)


def film(animal="mouse", animals=1, frames=60, cameras=3, height=35.0, seed=0, **picture):
    rng = np.random.default_rng(seed)
    bodies = body3d.move(rng, animal, frames, animals=animals, fps=30.0, moods=True)
    reach = 1.05 * np.linalg.norm(bodies.xyz.reshape(-1, 3), axis=1).max()
    rig = rigs.ring(rng, cameras, float(reach), height=height, size=SIZE)
    place = Set(bodies, animal, PictureConfig(**picture), fps=30.0, seed=seed)
    return [Shot(place, camera, v) for v, camera in enumerate(rig.cameras)]


@pytest.fixture(scope="module")
def shots():
    return film(animals=2)


def test_is_a_video_whose_frames_come_out_alike_in_any_order(shots):
    shot = shots[0]
    assert isinstance(shot, Video)
    assert (len(shot), shot.size, shot.channels, shot.fps) == (60, SIZE, 3, 30.0)
    sequence = shot.read(range(6))
    again = film(animals=2)[0]
    for index in (4, 1, 4, 0, 5):
        assert np.array_equal(again.read([index])[0], sequence[index])
    with pytest.raises(InputError, match="frame 60 is not simulated; there are 0 to 59"):
        shot.read([60])
    shot.close()


def test_noise_of_cameras_and_frames_is_independent():
    shots = film(frames=4, colour=False, compression=0)
    a, b = (shot.read([0, 1]).astype(float) - shot.read([0])[0] for shot in shots[:2])
    still = np.abs(a[1]) < 12  # where nothing moved
    assert 2.0 < a[1][still].std() / np.sqrt(2) < 4.5
    assert abs(np.corrcoef(a[1].ravel(), b[1].ravel())[0, 1]) < 0.05


def test_the_pictures_show_the_animal_where_the_truth_says():
    """A frame differs from the empty arena around the keypoints in sight, and not elsewhere."""
    for shot in film(noise=0.0, exposure=0.0, colour=False):
        bodies = shot.set.bodies
        empty = shot.backdrop.scene.mean(axis=-1) * 255
        frame = shot.read([30])[0, ..., 0].astype(float)
        changed = np.abs(frame - empty) > 25
        uv = shot.project(bodies.xyz[30, 0])
        trunk = [bodies.skeleton.index(name) for name in ("neck", "back", "chest", "hips")]
        for x, y in np.rint(uv[trunk]).astype(int):
            assert changed[y, x]
        rows, columns = np.nonzero(changed)
        away = np.linalg.norm(np.stack([columns, rows], 1)[:, None] - uv, axis=-1).min(axis=1)
        px_mm = np.linalg.norm(uv[trunk[2]] - uv[trunk[3]]) / 28  # along the back, or less
        assert np.quantile(away, 0.99) < max(45 * px_mm, 20)


def test_what_is_in_sight_agrees_with_points_on_the_surface_projected_one_by_one():
    rng = np.random.default_rng(0)
    names, checked = mouse.KEYPOINTS, 0
    for shot in film(frames=40, cameras=4, seed=4):
        bodies, eye = shot.set.bodies, shot.camera.centre
        seen = shot.in_sight(names)
        for frame in range(0, 40, 13):
            body = shot.set.dress(bodies.joints[frame : frame + 1])[0].pose(0)
            t = rng.uniform(0, 1, (len(body.part), 3000, 1))
            ball = rng.normal(size=(len(body.part), 3000, 3))
            ball /= np.linalg.norm(ball, axis=-1, keepdims=True)
            line = (1 - t) * body.start[:, None] + t * body.stop[:, None]
            flat = np.clip(body.flatness, 0.5, 1.3)[:, None, None]
            dots = line[..., :3] + line[..., 3:] * ball * np.concatenate(
                [np.ones_like(flat), np.ones_like(flat), flat], axis=-1
            )
            uv = shot.project(dots)
            depth = np.linalg.norm(dots - eye, axis=-1)
            places = shot.project(
                bodies.xyz[frame, 0, [bodies.skeleton.index(n) for n in names]]
            )
            for j, own in enumerate(mouse.own_parts()):
                near = np.linalg.norm(uv - places[j], axis=-1) < 0.7
                mine = np.isin(body.part, list(own))[:, None] & near
                other = ~np.isin(body.part, list(own))[:, None] & near
                if not mine.any():
                    continue
                gap = np.min(depth[other], initial=np.inf) - np.min(depth[mine])
                if abs(gap) < 1.5:  # mm: a near tie
                    continue
                checked += 1
                assert (gap > 0) == seen[frame, 0, j], (shot.camera.name, frame, names[j])
    assert checked > 100


def test_a_mouse_is_dark_on_its_floor_and_throws_a_shadow():
    shot = film(height=60.0, noise=0.0, colour=False)[0]
    frame = shot.read([20])[0, ..., 0].astype(float)
    empty = shot.backdrop.scene.mean(axis=-1) * 255
    ratio = frame / np.maximum(empty, 1)
    on_floor = shot.backdrop.floor[..., 0] >= 0
    assert (ratio[on_floor] < 0.4).sum() > 100  # fur
    soft = on_floor & (ratio > 0.5) & (ratio < 0.9)
    assert soft.sum() > 100
    assert np.median(ratio[on_floor]) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("animal", ["mouse", "fly"])
def test_grey_films_have_one_channel_and_compression_changes_little(animal):
    grey = film(animal, frames=3, colour=False)[0].read([1])
    pressed = film(animal, frames=3, colour=False, compression=20)[0].read([1])
    assert grey.shape == (1, SIZE[1], SIZE[0], 1)
    assert 0 < np.abs(grey.astype(float) - pressed).mean() < 4


def test_a_camera_needs_the_size_of_its_image(shots):
    with pytest.raises(InputError, match="has no image size"):
        Shot(shots[0].set, replace(shots[0].camera, size=None))
