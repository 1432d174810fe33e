"""The queue asks about doubt, rare things and nothings, and never twice about the same."""

import numpy as np
import pytest

from gambol.behavior import classifier_queue as queue
from gambol.behavior.classifier_queue import QueueSettings
from gambol.core.errors import InputError

FPS, OFFSETS = 10.0, np.array([0, 2000, 4000])
LABELS = ("common", "rare")


def asked(known=None, settings=None, seed=0):
    """Five models that doubt 30 % of the frames, and predict `rare` in 2 %."""
    rng = np.random.default_rng(seed)
    p = np.zeros((4000, 2)) + 0.02
    p[500:1500, 0] = 0.95
    p[2500:3000, 0] = 0.55
    p[3500:3580, 1] = 0.7
    scores = np.clip(p + 0.02 * rng.normal(size=(5, 4000, 2)), 0.001, 0.999)
    values = rng.normal(size=(4000, 6)).astype(np.float32)
    values[::7, 2] = np.nan
    known = np.zeros(4000, bool) if known is None else known
    settings = settings or QueueSettings(count=20)
    return settings, queue.windows(settings, scores, values, OFFSETS, known, FPS)


def chosen(settings, found):
    picked = queue.choose(settings, found, LABELS, np.array([0.5, 0.5]), FPS)
    times = [np.arange(2000) / FPS] * 2
    return queue.table(found, picked, LABELS, ["a", "b"], ["", ""], times)


def test_entropy_is_that_of_the_mean_of_models():
    _, found = asked()
    at = np.flatnonzero((found.series == 1) & (found.start == 700))[0]
    p = np.array([found.member[:, at, 0].mean(), found.member[:, at, 1].mean()])
    bits = -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean()
    assert found.entropy[at] == pytest.approx(bits, abs=0.01)


def test_rare_ones_come_first_and_negatives_are_there():
    table = chosen(*asked())
    assert table["predicted"].iloc[0] == "rare"
    counts = table["predicted"].value_counts()
    assert counts[queue.NOTHING] >= 4 and len(table) == 20
    assert counts["rare"] >= 4  # 80 frames hold few that keep their distance
    assert table["why"].str.len().min() > 30
    assert table["why"][table["predicted"] == queue.NOTHING].str.startswith("negative").all()


def test_doubtful_stretches_are_asked_about_before_sure_ones():
    table = chosen(*asked())
    common = table[table["predicted"] == "common"]
    assert (common["recording"] == "b").all()  # p is 0.55 there and 0.95 in a


def test_stretches_keep_their_distance():
    table = chosen(*asked(settings=QueueSettings(count=60, apart_s=0.5)))
    for _, own in table.groupby("recording"):
        spans = own.sort_values("start_frame")
        gaps = spans["start_frame"].to_numpy()[1:] - spans["stop_frame"].to_numpy()[:-1]
        assert gaps.min() >= 5
        assert (spans["stop_frame"] - spans["start_frame"] == 10).all()


def test_what_is_known_is_not_asked():
    known = np.zeros(4000, bool)
    known[2000:] = True
    table = chosen(*asked(known))
    assert set(table["recording"]) == {"a"}
    with pytest.raises(InputError, match="without labels"):
        asked(np.ones(4000, bool))


def test_the_same_seed_chooses_the_same():
    assert chosen(*asked()).equals(chosen(*asked()))


def test_recordings_one_at_a_time_are_asked_about_as_all_together():
    rng = np.random.default_rng(4)
    scores, values = rng.random((3, 4000, 2)), rng.normal(size=(4000, 4)).astype(np.float32)
    known, settings = rng.random(4000) < 0.01, QueueSettings()
    whole = queue.windows(settings, scores, values, OFFSETS, known, FPS)
    ends = np.array([0, 2000])
    parts = [
        queue.cut(settings, scores[:, own], values[own], ends, known[own], FPS)
        for own in (slice(0, 2000), slice(2000, 4000))
    ]
    for one, other in zip(whole, queue.together(settings, parts, 1, 1), strict=True):
        np.testing.assert_array_equal(one, other)
