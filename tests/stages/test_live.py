"""Frame by frame against `gambol predict`, and what time and memory do meanwhile."""

import gc
import tracemalloc

import numpy as np
import pytest
from films import small

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.io import run as io_run
from gambol.io.video.open import open_video
from gambol.kernels.kalman import Dynamics
from gambol.stages import export_model, live, predict, train
from gambol.stages.live import Pose, Predictor

pytest.importorskip("openvino")
FRAMES = 270  # more than predict does before it searches the whole frame again


@pytest.fixture(scope="module")
def run(recording, tmp_path_factory):
    """A network that does not know places, so that a window may follow the animal."""
    out = tmp_path_factory.mktemp("live") / "run"
    cfg = small(120).override(["place=false"])
    return train.run(cfg, recording.labels, out, threads=1)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("live-net") / "net"
    return export_model.run(export_model.ExportConfig(int8=True), run, out).folder


@pytest.fixture(scope="module")
def frames(run, recording):
    video = open_video(recording.video, grey=io_run.load(run).model.grey)
    try:
        return video.read(range(FRAMES))
    finally:
        video.close()


@pytest.fixture(scope="module")
def predicted(run, recording, tmp_path_factory):
    """Poses of `gambol predict`, by window."""
    out = tmp_path_factory.mktemp("live-poses")
    made = {}
    for window in ("whole", "follow"):
        cfg = predict.PredictConfig(window=window)
        done = predict.run(cfg, run, [recording.video], out / window, threads=1)[0]
        made[window] = done.poses
    return made


@pytest.mark.parametrize("window", ["whole", "follow"])
@pytest.mark.parametrize("kind, most", [("run", 1e-4), ("exported", 1e-3)])
def test_poses_are_those_of_predict(request, kind, most, window, frames, predicted):
    expected = io_poses.read(predicted[window])
    predictor = Predictor(request.getfixturevalue(kind), window=window)
    found = [predictor.predict(frame) for frame in frames]
    part = {
        "xy": core_poses.xy(expected)[:FRAMES, 0],
        "covariance": core_poses.covariance(expected)[:FRAMES, 0],
        "confidence": core_poses.points(expected, "confidence")[:FRAMES, 0],
        "presence": core_poses.points(expected, "presence")[:FRAMES, 0],
    }
    off = np.linalg.norm(np.stack([pose.xy for pose in found]) - part["xy"], axis=-1)
    assert np.quantile(off, 0.99) < most  # a tie between two cells may go the other way
    for name in ("covariance", "confidence", "presence"):
        said = np.stack([getattr(pose, name) for pose in found])
        near = off < most
        np.testing.assert_allclose(said[near], part[name][near], rtol=0.01, atol=1e-6)
    searched = np.array([pose.searched for pose in found])
    if kind == "run":
        np.testing.assert_array_equal(searched, expected.searched.values[:FRAMES] > 0)
    assert searched.all() if window == "whole" else not searched.all()


def test_a_reset_begins_anew(exported, frames):
    predictor = Predictor(exported, window="follow")
    first = [predictor.predict(frame) for frame in frames[:20]]
    predictor.reset()
    again = [predictor.predict(frame) for frame in frames[:20]]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.xy, other.xy)
        assert one.searched == other.searched
    assert predictor.latency.frames == 40


@pytest.mark.slow
def test_warming_up_is_not_remembered(exported, frames, recording):
    height, width = frames.shape[1:3]
    warm = Predictor(exported, window="follow", size=(width, height))
    known = set(warm._network.net.engine._compiled)
    assert warm.latency == (0, 0.0, 0.0, 0.0)
    cold = Predictor(exported, window="follow")
    for frame in frames[:5]:
        np.testing.assert_array_equal(warm.predict(frame).xy, cold.predict(frame).xy)
    for frame in frames:
        warm.predict(frame)
    assert set(warm._network.net.engine._compiled) == known  # nothing was left to compile


def test_latency_is_that_of_the_last_frames(exported, frames, monkeypatch):
    monkeypatch.setattr(live, "KEPT", 10)
    clock = iter(np.cumsum([0.0, 9.0] * 3 + [0.0, 0.010] * 5 + [0.0, 0.020] * 5).tolist())
    predictor = Predictor(exported)
    monkeypatch.setattr(live.time, "perf_counter", lambda: next(clock))
    for frame in frames[:13]:
        predictor.predict(frame)
    told = predictor.latency
    assert told.frames == 10 and told.worst_ms == pytest.approx(20)  # 9 s are forgotten
    assert told.p50_ms == pytest.approx(15) and told.p95_ms == pytest.approx(20)


@pytest.mark.slow
def test_memory_does_not_grow(exported, frames):
    predictor = Predictor(exported, window="follow", ahead=0.05)
    for frame in frames[:60]:
        predictor.predict(frame)
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(20):
            predictor.predict(frames[0])
        before = tracemalloc.get_traced_memory()[0]
        for k in range(200):
            predictor.predict(frames[k])
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 20_000  # bytes
    finally:
        tracemalloc.stop()


def test_grey_and_colour_are_taken_alike(run, frames):
    predictor = Predictor(run)
    grey = frames[0][..., :1]
    poses = [predictor.predict(f).xy for f in (grey, grey[..., 0], grey.repeat(3, axis=-1))]
    np.testing.assert_allclose(poses[1], poses[0], atol=1e-6)
    np.testing.assert_allclose(poses[2], poses[0], atol=1e-6)


def moving(t):
    """A point that goes 40 px/s to the right and 10 px/s down, and one that is never sure."""
    xy = np.array([[40.0 * t, 10.0 * t], [5.0, 5.0]])
    cov = np.tile(0.01 * np.eye(2), (2, 1, 1))
    return Pose(xy, np.array([0.9, 0.1]), cov, np.ones(2), True)


def test_a_steady_motion_is_foreseen():
    sight = live._Foresight(0.5, Dynamics(1.0, 50.0, np.inf), 30.0)
    for t in np.arange(0, 3, 0.02):
        seen = sight.after(moving(t), float(t))
    np.testing.assert_allclose(seen.xy[0], moving(t + 0.5).xy[0], atol=0.1)
    assert np.linalg.eigvalsh(seen.covariance).min() > 0
    assert np.sqrt(seen.covariance[1, 0, 0]) > 30  # nobody knows where that one is


def test_what_is_not_sure_goes_on_as_it_went():
    sight = live._Foresight(0.1, Dynamics(1.0, 50.0, np.inf), 30.0)
    for t in np.arange(0, 2, 0.02):
        sight.after(moving(t), float(t))
    lost = moving(2.2)._replace(confidence=np.zeros(2), xy=np.full((2, 2), 500.0))
    seen = sight.after(lost, 2.2)
    np.testing.assert_allclose(seen.xy[0], moving(2.3).xy[0], atol=0.5)


def test_now_is_when_a_frame_comes_and_not_when_it_is_done(exported, frames, monkeypatch):
    predictor, clock = Predictor(exported, ahead=0.05), [100.0]
    search, asked = predictor._whole, []

    def slow(small):
        clock[0] += 0.4
        return search(small)

    def after(pose, now):
        asked.append(now)

    monkeypatch.setattr(live.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(predictor, "_whole", slow)
    monkeypatch.setattr(predictor._foresight, "after", after)
    predictor.predict(frames[0])
    assert asked == [100.0]


def test_poses_tell_how_animals_move(predicted, monkeypatch):
    monkeypatch.setattr(live, "SURE", 0.0)
    learnt = live.learn_motion(predicted["whole"])
    assert learnt.speed > 0 and learnt.q > 0 and learnt.memory > 0
    monkeypatch.setattr(live, "FEWEST", 10**6)
    with pytest.raises(InputError, match="no keypoint"):
        live.learn_motion(predicted["whole"])


@pytest.mark.parametrize(
    "frame", [np.zeros((8, 8, 3)), [[1]], np.zeros((2, 2, 2, 2), np.uint8)], ids=str
)
def test_what_is_no_frame_is_refused(exported, frame):
    with pytest.raises(InputError, match="uint8"):
        Predictor(exported)._small(frame)


def test_numbers_that_are_not_there_are_refused(run, exported, tmp_path):
    with pytest.raises(InputError, match="export-model --int8"):
        Predictor(run, precision="int8")
    with pytest.raises(InputError, match="precision 'fast' is not known; give one of float32"):
        Predictor(run, precision="fast")
    with pytest.raises(InputError, match="precision 'bf16' is not known"):
        Predictor(exported, precision="bf16")
    with pytest.raises(InputError, match="window 'auto' is not known; give one of whole, foll"):
        Predictor(run, window="auto")
    with pytest.raises(InputError, match="past"):
        Predictor(run, ahead=-1.0)
    with pytest.raises(InputError, match="on the CPU"):
        Predictor(exported, device="cuda")
    with pytest.raises(InputError, match="no training run"):
        Predictor(tmp_path)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_fewer_digits_stay_near(exported, frames, precision):
    near, exact = Predictor(exported, precision=precision), Predictor(exported)
    off = [np.abs(near.predict(f).xy - exact.predict(f).xy) for f in frames[:30]]
    # processors without bfloat16 compute in float32
    assert (precision == "bfloat16" or np.median(off) > 0) and np.median(off) < 2.0
