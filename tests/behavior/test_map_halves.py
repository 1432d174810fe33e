import numpy as np
import pytest

from gambol.behavior import columns, map_halves
from gambol.behavior.behavior_map import BehaviorMap
from gambol.behavior.compare import adjusted_rand
from gambol.behavior.map_stability import crossed
from gambol.behavior.regions import RegionSettings
from gambol.behavior.wavelets import Wavelets
from gambol.core.errors import InputError


def series(seed, frames=1500, fps=50.0):
    """Two channels that swing in turn, slow and fast."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / fps
    turn = (t // 3.0).astype(int) % 2
    x = 0.1 * rng.normal(size=(frames, 2))
    x[:, 0] += np.sin(2 * np.pi * 3.0 * t) * (turn == 0)
    x[:, 1] += np.sin(2 * np.pi * 9.0 * t) * (turn == 1)
    table = columns.Columns(x, ("a", "b"), ("", ""), ("a", "b"), np.full(2, np.nan))
    return columns.to_array(table, t, f"day {seed}")


@pytest.fixture(scope="module")
def fitted():
    model = BehaviorMap(
        wavelets=Wavelets(f_min=1.5, f_max=16, n=7), frames_per_recording=200, perplexity=15,
        neighbours=60, iterations=120, regions=RegionSettings(width=0.15),
    )  # fmt: skip
    return model.fit([series(n) for n in range(3)])


def test_halves_of_the_same_movements_agree_with_the_whole(fitted):
    known, settings = fitted.fitted_, fitted.settings
    judged = np.arange(0, len(known.embedding), 2)
    whole = known.regions.of(known.embedding[judged])
    rows = np.flatnonzero(known.training.recording < 2)
    found = map_halves.half(known, settings, rows, judged, name="half 0")
    assert found.shape == judged.shape and (found > 0).mean() > 0.9
    both = (found > 0) & (whole > 0)
    assert adjusted_rand(crossed(found[both], whole[both])) > 0.7
    again = map_halves.half(known, settings, rows, judged, name="half 0", threads=2)
    np.testing.assert_array_equal(found, again)


def test_units_are_recordings_or_stretches_of_the_only_one(fitted):
    known = fitted.fitted_
    found = map_halves.units(known)
    np.testing.assert_array_equal(found.of, known.training.recording)
    assert found.many == 3 and found.said == "recordings"
    alone = np.flatnonzero(known.training.recording == 1)
    one = known._replace(
        training=known.training._replace(
            recording=known.training.recording[alone], frame=known.training.frame[alone][::-1]
        )
    )
    cut = map_halves.units(one)
    assert cut.many == 10 and (np.bincount(cut.of) == 20).all()
    assert (np.diff(cut.of[::-1]) >= 0).all()  # stretches are of time, whatever the order


def test_too_few_frames_are_refused(fitted):
    with pytest.raises(InputError, match=r"gives 9 training frames, perplexity is 15"):
        map_halves.half(
            fitted.fitted_, fitted.settings, np.arange(9), np.arange(9), name="half 0"
        )


def test_some_rows_are_drawn_once_each():
    rng = np.random.default_rng(0)
    assert map_halves.some(4, 9, rng).tolist() == [0, 1, 2, 3]
    few = map_halves.some(100, 9, rng)
    assert len(set(few.tolist())) == 9 and (np.diff(few) > 0).all()
