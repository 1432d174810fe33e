"""A simulated recording: the same frames in any order, and truth that the pixels confirm."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.labels import Visibility
from gambol.core.video import Video
from gambol.simulate import mouse
from gambol.simulate.behaviour import STATES
from gambol.simulate.capsules import Capsules
from gambol.simulate.world import SimulateConfig, Simulation, simulate

SHORT = SimulateConfig(seconds=4.0, seed=5, moods=False)


@pytest.fixture(scope="module")
def film() -> Simulation:
    return simulate(SHORT)


def test_frames_read_alone_equal_frames_read_in_sequence(film):
    sequence = film.read(range(20))
    fresh = simulate(SHORT)
    for index in (17, 3, 17, 0, 19):
        assert np.array_equal(fresh.read([index])[0], sequence[index])


def test_the_same_seed_gives_the_same_recording_and_another_seed_another(film):
    again, other = simulate(SHORT), simulate(SimulateConfig(seconds=4.0, seed=6))
    assert np.array_equal(film.truth.xy, again.truth.xy, equal_nan=True)
    assert not np.allclose(film.truth.xy, other.truth.xy, equal_nan=True)
    assert not np.array_equal(film.read([0]), other.read([0]))


def test_is_a_video(film):
    assert isinstance(film, Video)
    assert len(film) == 120 and film.size == (480, 360) and film.channels == 3
    assert np.allclose(np.diff(film.times), 1 / film.fps)
    frames = film.read([2, 1])
    assert frames.shape == (2, 360, 480, 3) and frames.dtype == np.uint8
    film.close()


def test_grey_has_one_channel():
    grey = simulate(SHORT.model_copy(update={"colour": False}))
    assert grey.channels == 1 and grey.read([4]).shape == (1, 360, 480, 1)


def test_refuses_frames_beyond_the_end_and_animals_too_large_for_the_arena(film):
    with pytest.raises(InputError, match="frame 120 is not simulated; there are 0 to 119"):
        film.read([120])
    with pytest.raises(InputError, match="body_length 300 leaves no room"):
        simulate(SimulateConfig(body_length=300.0))


def test_truth_has_a_finite_position_exactly_where_a_keypoint_is_in_the_picture(film):
    truth = film.truth
    present = truth.visibility != Visibility.ABSENT
    assert np.array_equal(np.isfinite(truth.xy).all(axis=-1), present)
    assert truth.xy.shape == (120, 1, len(film.skeleton), 2)
    assert truth.states == STATES and truth.state.shape == (120, 1)
    seen = (truth.visibility == Visibility.VISIBLE).mean(axis=(0, 1))
    share = dict(zip(film.skeleton.keypoints, seen, strict=True))
    assert min(share["back"], share["neck"], share["nose"], share["left_ear"]) > 0.8
    assert share["left_forepaw"] < 0.8  # paws are mostly under the body


def test_a_keypoint_outside_the_picture_is_absent_and_the_rest_stays(film):
    nose = film.motion.joints[0, 0, 0, :2]
    out = film.motion.joints - [*nose, 0.0] - [0.6, -180.0, 0.0]  # the nose at x = -0.6
    edge = Simulation(SHORT, film.motion._replace(joints=out)).truth
    inside = Simulation(SHORT, film.motion._replace(joints=out + [0.2, 0.0, 0.0])).truth
    assert edge.visibility[0, 0, 0] == Visibility.ABSENT and np.isnan(edge.xy[0, 0, 0]).all()
    assert inside.visibility[0, 0, 0] != Visibility.ABSENT
    assert inside.xy[0, 0, 0] == pytest.approx([-0.4, 180.0])
    assert (edge.visibility[0, 0] == Visibility.ABSENT).sum() < len(film.skeleton)


def test_a_clean_recording_differs_from_the_arena_only_around_the_animal():
    film = simulate(SHORT.model_copy(update={"clean": True}))
    frames = film.read([10, 90]).astype(int)
    changed = np.abs(frames[0] - frames[1]).max(axis=-1) > 0
    y, x = np.nonzero(changed)
    joints = film.scale * film.motion.joints[[10, 90], 0, :, :2].reshape(-1, 2)
    far = np.hypot(x[:, None] - joints[:, 0], y[:, None] - joints[:, 1]).min(axis=1)
    assert changed.any() and far.max() < 40


@pytest.mark.parametrize("name", mouse.KEYPOINTS)
def test_a_disc_painted_on_a_keypoint_lies_where_the_truth_says(name, monkeypatch):
    """The whole way from pose to pixels, the body exchanged for one disc, white or black."""
    monkeypatch.setattr(mouse, "dress", _disc_on(mouse.JOINT[name]))
    even = SHORT.model_copy(update={"clean": True, "light": 0.0, "body_length": 77.7})
    for frame in (0, 61, 119):
        white, black = (_filmed_in(even, tone, frame) for tone in (0.8, 0.0))
        film = simulate(even)
        xy = film.truth.xy[frame, 0, film.skeleton.index(name)]
        assert np.hypot(*(_centroid(white - black) - xy)) < 0.1


def _disc_on(joint):
    def dress(joints, scale):
        centre = scale * joints[..., joint : joint + 1, :]
        radius = np.full((*centre.shape[:-1], 1), 3.2)
        sphere = np.concatenate([centre, radius], axis=-1)
        one = np.zeros(1, int)
        part = one + mouse.PARTS.index("trunk")
        eye = one + mouse.MATERIALS.index("eye")
        return Capsules(sphere, sphere, np.zeros(1), np.zeros((1, 2)), part, eye, scale)

    return dress


def _filmed_in(cfg, tone, frame):
    film = simulate(cfg)
    film._look.colour[:] = tone
    return film.read([frame])[0].astype(float).sum(axis=-1)


def _centroid(weight):
    y, x = np.indices(weight.shape)
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


def test_the_sensor_noise_has_the_configured_strength():
    quiet = SimulateConfig(seconds=1.0, seed=2, compression=0, exposure=0.0, light=0.0)
    still = quiet.model_copy(update={"noise": 0.0})
    noisy = quiet.model_copy(update={"noise": 6.0})
    difference = simulate(noisy).read([7])[0].astype(float) - simulate(still).read([7])[0]
    floor = difference[100:140, 40:440]
    assert abs(floor.std() - 6.0) < 0.15 and abs(floor.mean()) < 0.2


def test_noise_is_independent_between_frames():
    film = simulate(SimulateConfig(seconds=1.0, seed=2, compression=0))
    still = simulate(SimulateConfig(seconds=1.0, seed=2, compression=0, noise=0.0))
    first, second = film.read([0, 1]).astype(float) - still.read([0, 1])
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_compression_changes_pixels_a_little():
    plain = SimulateConfig(seconds=1.0, noise=0.0, compression=0)
    squeezed = plain.model_copy(update={"compression": 30})
    difference = np.abs(simulate(plain).read([3]).astype(int) - simulate(squeezed).read([3]))
    assert 0.3 < difference.mean() < 5.0


@pytest.mark.parametrize("exposure", [0.5, 1.0])
def test_motion_blur_lengthens_along_the_motion_and_keeps_the_middle(exposure, monkeypatch):
    monkeypatch.setattr(mouse, "dress", _disc_on(mouse.JOINT["back"]))
    step = np.array([6.0, 3.0])  # px a frame, the pose frozen
    blurred, sharp = (_gliding(step, open_for) for open_for in (exposure, 0.0))
    along = step / np.hypot(*step)
    added = _variance(blurred, along) - _variance(sharp, along)
    # five poses, evenly spread over the exposure: a box of n bars has (1 - 1 / n^2) / 12
    expected = (exposure * np.hypot(*step)) ** 2 * (1 - 1 / 25) / 12
    assert added[0] == pytest.approx(expected, rel=0.15) and abs(added[1]) < 0.15 * expected
    assert np.hypot(*(_centroid(blurred) - _centroid(sharp))) < 0.05


def _gliding(step, exposure):
    """What a disc on the back adds to the picture at the middle one of three frames."""
    cfg = SimulateConfig(noise=0.0, compression=0, light=0.0, exposure=exposure)
    still = simulate(cfg).motion
    slide = np.concatenate([step, [0.0]]) * np.arange(-1.0, 2.0)[:, None, None, None]
    centred = still.joints[0] + [240.0, 180.0, 0.0] - [*still.joints[0, 0, 4, :2], 0.0]
    moved = still._replace(times=still.times[:3], joints=centred + slide)
    white, black = Simulation(cfg, moved), Simulation(cfg, moved)
    white._look.colour[:], black._look.colour[:] = 0.8, 0.0
    return (white.read([1])[0].astype(float) - black.read([1])[0]).sum(axis=-1)


def _variance(weight, along):
    """Variance of a picture along a direction and across it."""
    y, x = np.indices(weight.shape)
    points = np.stack([x, y], axis=-1).reshape(-1, 2) - _centroid(weight)
    axes = np.stack([along, [-along[1], along[0]]])
    return weight.ravel() / weight.sum() @ (points @ axes.T) ** 2


# ---- several animals -------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["mouse", "fly"])
def crowd(request):
    return simulate(
        SimulateConfig(
            animal=request.param,
            animals=3,
            seconds=60.0,
            seed=2,
            width=640,
            height=480,
            moods=False,
        )
    )


def test_several_animals_have_truth_each(crowd):
    truth, n_keypoints = crowd.truth, len(crowd.skeleton)
    assert truth.xy.shape == (1800, 3, n_keypoints, 2)
    assert truth.visibility.shape == (1800, 3, n_keypoints)
    assert truth.individual.tolist() == [0, 1, 2]
    assert truth.state.shape == (1800, 3) and truth.state.max() < len(truth.states)
    present = truth.visibility != Visibility.ABSENT
    assert np.array_equal(np.isfinite(truth.xy).all(axis=-1), present)


def test_frames_of_several_read_alone_equal_frames_read_in_sequence(crowd):
    sequence = crowd.read(range(40, 44))
    fresh = simulate(crowd.cfg)
    assert np.array_equal(fresh.read([42])[0], sequence[2])
    assert np.array_equal(fresh.truth.visibility, crowd.truth.visibility)


def test_flies_leave_the_picture_and_return_and_mice_do_not(crowd):
    absent = (crowd.truth.visibility == Visibility.ABSENT).all(axis=2)
    if crowd.cfg.animal == "mouse":
        assert not absent.any()
    else:
        left = np.diff(absent.astype(int), axis=0)
        assert (left == 1).any() and (left == -1).any() and absent.mean() < 0.5


def test_animals_that_lie_under_others_are_occluded(crowd):
    """Keypoints that are visible of an animal alone and not in company lie under another."""
    alone = np.stack(
        [
            Simulation(crowd.cfg, _one_of(crowd.motion, n)).truth.visibility[:, 0]
            for n in range(3)
        ],
        axis=1,
    )
    together = crowd.truth.visibility
    assert (together[alone != Visibility.VISIBLE] == alone[alone != Visibility.VISIBLE]).all()
    covered = (alone == Visibility.VISIBLE) & (together == Visibility.OCCLUDED)
    assert 0.001 < covered.mean() < 0.2
    frame, animal, _ = np.nonzero(covered)
    middle = crowd.scale * crowd.motion.joints[..., :2].mean(axis=2)
    gaps = np.linalg.norm(middle[frame] - middle[frame, animal][:, None], axis=-1)
    gaps[np.arange(len(gaps)), animal] = np.inf
    assert gaps.min(axis=1).max() < 2.2 * crowd.cfg.body_length


def _one_of(moved, n):
    parts = (part[:, n : n + 1] for part in (moved.state, moved.joints, moved.stance))
    return moved._replace(
        **dict(zip(("state", "joints", "stance"), parts, strict=True)),
        size=moved.size[n : n + 1],
    )


def test_identical_animals_share_size_and_looks_and_others_do_not():
    for identical in (True, False):
        cfg = SimulateConfig(animals=2, seconds=1.0, identical=identical)
        film = simulate(cfg)
        tints = film._look.colour.reshape(2, -1, 3)
        assert np.array_equal(tints[0], tints[1]) == identical
        assert (film.motion.size[0] == film.motion.size[1]) == identical


@pytest.mark.parametrize("name", ["thorax", "wingL", "hindlegR4"])
def test_a_fly_has_its_pixels_where_the_truth_says(name):
    """Dye one animal's part: the pixels that change surround its keypoint."""
    cfg = SimulateConfig(animal="fly", animals=2, seconds=4.0, seed=1, clean=True)
    film = simulate(cfg)
    j = film.skeleton.index(name)
    seen = film.truth.visibility[:, 1, j] == Visibility.VISIBLE
    frame = int(np.flatnonzero(seen)[0])
    plain = film.read([frame])[0].astype(int)
    dyed = simulate(cfg)
    dyed._look.colour[len(dyed._look.colour) // 2 :] = [0.0, 1.0, 0.0]
    changed = np.abs(dyed.read([frame])[0] - plain).max(axis=-1) > 4
    y, x = np.nonzero(changed)
    xy = film.truth.xy[frame, 1, j]
    assert np.hypot(x - xy[0], y - xy[1]).min() < 1.5
    assert np.hypot(x - xy[0], y - xy[1]).max() < 1.7 * cfg.body_length


def test_a_crowd_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="body_length 150 leaves no room"):
        simulate(SimulateConfig(animals=6, body_length=150.0))
    simulate(SimulateConfig(body_length=150.0, seconds=0.2))  # one of them fits


@pytest.mark.parametrize("ground", ["bright", "dark"])
def test_flies_stand_out_against_their_ground(ground):
    film = simulate(SimulateConfig(animal="fly", ground=ground, seconds=9.0, clean=True))
    thorax = film.truth.xy[:, 0, film.skeleton.index("thorax")]
    inside = int(np.flatnonzero(((thorax > 40) & (thorax < [440, 320])).all(axis=1))[0])
    frame = film.read([inside])[0].mean(axis=-1)
    x, y = np.rint(thorax[inside]).astype(int)
    body = frame[y - 3 : y + 4, x - 3 : x + 4].mean()
    assert (np.median(frame) - body > 80) == (ground == "bright")
    assert abs(np.median(frame) - body) > 80
