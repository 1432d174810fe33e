"""Three recordings of one place, and flaws that are measured in one for another."""

import numpy as np
import pytest

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.io import store
from gambol.simulate.mouse import skeleton
from gambol.stages import demo_world, simulated

SIZE = demo_world.Size(3, (320, 256), 4.0, 8, 2.0, 10, 60.0, 4)


def test_recordings_differ_in_what_mice_do_and_in_nothing_else():
    cfgs = [SIZE.views(k, 2.0) for k in range(3)]
    assert len({cfg.seed for cfg in cfgs}) == 3 and {cfg.place for cfg in cfgs} == {4}
    assert len({cfg.model_copy(update={"seed": 0}).fingerprint() for cfg in cfgs}) == 1
    other = demo_world.Size(*SIZE[:-1], seed=5)
    assert not {cfg.seed for cfg in cfgs} & {other.views(k, 2.0).seed for k in range(3)}


def tracks(xy, path):
    """A file of two mice under the names of the truth."""
    part = simulated.part(skeleton(), simulated.kept(skeleton(), demo_world.KEYPOINTS))
    sure = np.isfinite(xy).all(-1).astype(float)
    made = core_poses.build(
        xy, sure, np.ones((*xy.shape, 2)), np.arange(len(xy)) / 30.0, part, fps=30.0,
        individuals=simulated.names(2),
    )  # fmt: skip
    store.write_dataset(made, path)
    return path


@pytest.fixture
def truth(tmp_path):
    rng = np.random.default_rng(0)
    body = 12.0 * rng.standard_normal((1, 1, len(demo_world.KEYPOINTS), 2))
    place = np.array([[100.0, 100.0], [220.0, 150.0]])[None, :, None]
    xy = place + body + np.zeros((600, 1, 1, 1))
    return xy, tracks(xy, tmp_path / "truth.nc")


def test_flaws_are_those_that_were_put_in(truth, tmp_path):
    rng, (xy, known) = np.random.default_rng(1), truth
    wrong = xy + 1.5 * rng.standard_normal(xy.shape)
    stray = rng.random(xy.shape[:3]) < 0.06
    wrong[stray] = xy[stray] + 25.0 * rng.standard_normal((stray.sum(), 2))
    wrong[rng.random(xy.shape[:3]) < 0.1] = np.nan
    wrong[rng.random(xy.shape[:2]) < 0.05] = np.nan
    found = demo_world.flaws({tracks(wrong, tmp_path / "found.nc"): known})
    assert found.noise == pytest.approx(1.5, rel=0.08)
    assert found.outliers == pytest.approx(0.06, abs=0.02)
    assert found.outlier_px == pytest.approx(25.0, rel=0.15)
    assert found.dropout == pytest.approx(0.1, abs=0.015)
    assert 0.04 < found.hidden < 0.1  # those with half of their keypoints wrong count, too


def test_names_do_not_matter_and_what_is_exact_has_no_flaws(truth, tmp_path):
    xy, known = truth
    found = demo_world.flaws({tracks(xy[:, ::-1], tmp_path / "found.nc"): known})
    assert (found.noise, found.outliers, found.dropout, found.hidden) == (0, 0, 0, 0)


def test_finding_nothing_is_a_sentence_about_the_machine(truth, tmp_path):
    xy, known = truth
    nothing = tracks(np.full_like(xy, np.nan), tmp_path / "found.nc")
    with pytest.raises(InputError, match="found no mouse .* slow or busy"):
        demo_world.flaws({nothing: known})
