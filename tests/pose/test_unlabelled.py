import numpy as np
import pytest
import torch

from gambol.core.skeleton import Skeleton
from gambol.nn.augment import AugmentConfig
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.unlabelled import Labelled, losses
from gambol.nn.unlabelled.consistency import ConsistencySpec
from gambol.nn.unlabelled.temporal import TemporalSpec
from gambol.pose import dataset, infer, unlabelled
from gambol.pose.dataset import Windows
from gambol.pose.schedule import FitConfig
from gambol.pose.train import Stopped, fit
from gambol.pose.unlabelled import Clip, Unlabelled

SPOTS = Skeleton(("spot", "hole"))
WINDOWS = Windows((32, 32), away=0.25)
LIGHT = AugmentConfig(rotation=30.0)


def net(seed=0):
    torch.manual_seed(seed)
    spec = UNetSpec(depth=2, filters=4, norm="batch")
    output = ConfidenceSpec(sigma=3.0)
    return PoseNet(ModelSpec(backbone=spec, keypoints=SPOTS.keypoints, outputs=(output,)))


def picture(xy, rng):
    x, y = np.meshgrid(np.arange(48), np.arange(40))
    image = rng.normal(128, 6, (40, 48))
    for j in (0, 1):
        d = (x - xy[j, 0]) ** 2 + (y - xy[j, 1]) ** 2
        image += (100, -100)[j] * np.exp(-d / 8)
    return np.clip(image, 0, 255).astype(np.uint8)[..., None]


def film(n, seed):
    rng = np.random.default_rng(seed)
    xy = np.array([[12.0, 20], [36, 20]]) + rng.normal(0, 1, (n, 2, 2)).cumsum(axis=0)
    xy = np.clip(xy, [[6, 6], [28, 6]], [[20, 34], [42, 34]])
    return [picture(p, rng) for p in xy], xy


def scenes(seed, n=8):
    images, xy = film(n, seed)
    return dataset.make_frames(images, xy[:, None], np.full((n, 1, 2), 2, np.uint8), 1.0)


CLIPS = [Clip(film(4, 100 + k)[0], np.eye(2, 3)) for k in range(6)]
TOLD = Labelled(np.zeros((0, 2, 2)), np.zeros(0, int), np.zeros(0, int), SPOTS.keypoints, True)


def further(*specs, windows=WINDOWS, clips=CLIPS):
    parts = [(losses.build(spec, TOLD), spec.weight) for spec in specs]
    return Unlabelled(parts, clips, windows, LIGHT, SPOTS, 0)


def run(more, steps=30, seed=0, **kw):
    cfg = FitConfig(
        batch=4, rate=3e-3, warm_up=5, evaluate_every=10, steps=steps, precision="float32"
    )
    val = scenes(2, 5)
    judge = lambda one, device: infer.distances(one, val, device)  # noqa: E731
    return fit(net(), scenes(1), judge, WINDOWS, SPOTS, cfg, LIGHT, unlabelled=more, **kw)


def same(one, other):
    return all(torch.equal(one[k], other[k]) for k in one)


STRONG = (TemporalSpec(strength=0.0, epsilon=0.0), ConsistencySpec(strength=0.0, sure=0.1))


def test_before_the_ramp_nothing_is_looked_at_and_nothing_changes():
    def look(image):
        raise AssertionError

    assert further(*STRONG)(net(), 0.33, 5, look).item() == 0


def test_a_loss_of_no_weight_leaves_every_bit():
    plain = run(None, steps=9)
    weak = run(further(TemporalSpec(strength=900.0)), steps=9)
    assert same(plain.last, weak.last)
    assert plain.history[0].losses == weak.history[0].losses[:1]


def test_its_loss_is_the_last_of_the_log_and_comes_in_the_middle_third():
    made = run(further(*STRONG))
    first, middle, last = (line.losses for line in made.history)
    assert len(first) == 2
    assert first[1] == 0
    assert middle[1] > 0
    assert last[1] > 0
    assert not same(made.last, run(None).last)


def test_without_it_training_is_what_it_was():
    assert len(run(None).history[0].losses) == 1


def test_a_run_that_was_stopped_goes_on_to_the_same_weights():
    whole = run(further(*STRONG))
    kept, steps = [], []

    def stop():
        steps.append(1)
        return len(steps) == 17

    with pytest.raises(Stopped):
        run(further(*STRONG), save=kept.append, stop=stop)
    again = run(further(*STRONG), state=kept[-1])
    assert same(whole.last, again.last)
    assert same(whole.weights, again.weights)


def test_a_still_film_is_answered_more_alike():
    """Frames that differ by grain alone: the temporal loss quiets the answers."""
    rng = np.random.default_rng(9)
    at = np.array([[12.0, 20], [36, 20]])
    still = [Clip([picture(at, rng) for _ in range(4)], np.eye(2, 3)) for _ in range(6)]
    more = further(TemporalSpec(strength=3.0, epsilon=0.0), clips=still)
    device = torch.device("cpu")

    def unrest(made):
        one = net()
        one.load_state_dict(made.last)
        steps = []
        for clip in still:
            xy = np.stack([infer.forward(one, image, device).xy for image in clip.images])
            steps.append(np.linalg.norm(np.diff(xy, axis=0), axis=-1).mean())
        return np.mean(steps)

    assert unrest(run(more, steps=60)) < unrest(run(None, steps=60))


def test_windows_hold_the_animal_and_are_told_in_video_pixels():
    teacher = net()
    teacher.load_state_dict(run(None, steps=80).weights)
    images, xy = film(4, 33)
    wide = [
        np.pad(image, ((40, 30), (60, 50), (0, 0)), constant_values=128) for image in images
    ]
    matrix = np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]])
    more = further(TemporalSpec())
    rng = np.random.default_rng(0)
    with torch.no_grad():
        shown = more._shown(Clip(wide, matrix), teacher.eval(), rng, teacher)
    true = 2 * (xy + [60, 40]) + 0.5
    assert np.linalg.norm(shown.xy.numpy() - true, axis=-1).mean() < 4


def test_the_copy_of_a_perfect_teacher_is_close_and_of_a_poor_one_is_not():
    teacher = net()
    teacher.load_state_dict(run(None, steps=150).weights)
    teacher.eval()
    more = further(ConsistencySpec(sure=0.2))
    loss = more.parts[0][0]
    with torch.no_grad():
        good = more._copied(loss, CLIPS[0], teacher, 3, teacher)
        poor = more._copied(loss, CLIPS[0], teacher, 3, net(seed=4).eval())
    assert good < 0.5 * poor


@pytest.mark.parametrize(
    ("frames", "length", "clips"),
    [([100], 4, 10), ([7, 3, 30], 4, 50), ([2], 4, 5), ([5, 90], 8, 3)],
)
def test_clips_are_apart_and_within_their_films(frames, length, clips):
    none = np.zeros(0, int)
    room = [unlabelled.places(n, length, none, gap=1) for n in frames]
    found = unlabelled.starts(room, clips, seed=1)
    spans = [(v, f) for v, firsts in found for f in firsts.tolist()]
    assert len(spans) == min(clips, sum(n // length for n in frames))
    assert len(set(spans)) == len(spans)
    assert all(0 <= f <= frames[v] - length and f % length == 0 for v, f in spans)
    assert str(found) == str(unlabelled.starts(room, clips, seed=1))


@pytest.mark.parametrize("gap", [1, 2, 5])
def test_clips_keep_their_distance_from_what_is_held_out(gap):
    held, length = np.array([0, 13, 14, 30, 59]), 3
    found = unlabelled.places(50, length, held, gap)
    slow = [
        first
        for first in range(0, 48, length)
        if min(abs(f - h) for f in range(first, first + length) for h in held) >= gap
    ]
    assert found.tolist() == slow
