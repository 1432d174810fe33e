"""`pose.linear` against patches cut by hand, planted templates and hand-labelled mice."""

from typing import get_args

import numpy as np
import pytest
from scipy.special import expit

from gambol.core.errors import InputError
from gambol.pose import linear

SMALL = linear.LinearConfig(scale=1.0, patch=11, radius_px=1.5, steps=300)


def planted(n=24, size=(50, 60), noise=0.05, seed=0):
    """Two fixed random textures in noise, each once an image, at whole pixels."""
    rng = np.random.default_rng(seed)
    textures = np.random.default_rng(99).uniform(-0.3, 0.3, (2, 9, 9))
    images = 0.5 + noise * rng.standard_normal((n, *size))
    xy = np.empty((n, 2, 2))
    for i in range(n):
        for j, left in enumerate((0, size[1] // 2)):  # one half each, so they never overlap
            x = rng.integers(left + 5, left + size[1] // 2 - 5)
            y = rng.integers(5, size[0] - 5)
            images[i, y - 4 : y + 5, x - 4 : x + 5] += textures[j]
            xy[i, j] = x, y
    return np.clip(images, 0, 1), xy


def blobs(n=40, size=(64, 80), seed=0):
    """One soft disc an image, at any sub-pixel place."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(10, [size[1] - 10, size[0] - 10], (n, 2))
    y, x = np.mgrid[: size[0], : size[1]]
    far2 = (x - xy[:, 0, None, None]) ** 2 + (y - xy[:, 1, None, None]) ** 2
    images = 0.2 + 0.6 * np.exp(-far2 / (2 * 4.0**2)) + 0.01 * rng.standard_normal(far2.shape)
    return np.clip(images, 0, 1), xy[:, None]


def distance(model, images, xy):
    return np.linalg.norm(linear.predict(model, images) - xy, axis=-1)


def test_classifying_each_patch_separately_gives_the_same_values():
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(3, 5, 5))
    model = linear.LinearModel(weight, rng.normal(size=3), fill=0.4, scale=1.0)
    images = rng.random((2, 13, 17))
    maps = linear.score_maps(model, images)
    assert maps.shape == (2, 3, 13, 17)
    for n, j, row, col in np.ndindex(*maps.shape):
        total = model.bias[j]
        for dy, dx in np.ndindex(5, 5):
            y, x = row + dy - 2, col + dx - 2
            seen = 0 <= y < 13 and 0 <= x < 17
            total += weight[j, dy, dx] * ((images[n, y, x] if seen else 0.4) - 0.4)
        assert maps[n, j, row, col] == pytest.approx(total, abs=1e-5)


def test_finds_planted_templates_in_new_noise():
    model = linear.fit(*planted(), SMALL, np.random.default_rng(0))
    assert (distance(model, *planted(seed=1)) < 1.0).all()


@pytest.mark.parametrize("name", get_args(linear.OptimizerName))
def test_every_optimiser_finds_planted_templates(name):
    cfg = SMALL.model_copy(update={"optimizer": name})
    model = linear.fit(*planted(), cfg, np.random.default_rng(0))
    assert np.mean(distance(model, *planted(seed=1)) < 1.5) > 0.95


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.25])
def test_no_scale_shifts_the_answer(scale):
    """A wrong half pixel at scale 1/4 would be a bias of 1.5 px."""
    cfg = linear.LinearConfig(scale=scale, patch=11)
    model = linear.fit(*blobs(), cfg, np.random.default_rng(0))
    images, xy = blobs(seed=1)
    error = linear.predict(model, images) - xy
    assert np.abs(error.mean(axis=(0, 1))).max() < 0.25
    assert np.linalg.norm(error, axis=-1).mean() < 1.0


def test_correction_brings_back_the_share_of_positives():
    """A weak signal, so that p says how often, not where."""
    images, xy = planted(n=40, noise=0.3)
    cfg = SMALL.model_copy(update={"rounds": 0, "ridge": 1.0})
    model = linear.fit(images, xy, cfg, np.random.default_rng(0))
    share = 9 / (50 * 60)  # cells within 1.5 px of a whole pixel
    said = expit(linear.score_maps(model, images)).mean(axis=(0, 2, 3))
    np.testing.assert_allclose(said, share, rtol=0.3)
    sampled = 9 / (9 + cfg.negatives_per_image)
    assert sampled > 50 * said.max()  # what it would say uncorrected


def test_correction_is_bayes_rule():
    """Keeping 1 in 50 negatives multiplies every odds by 50."""
    bias = linear.correct_sampling(1.3, 40, 100, 40, 5000)
    assert np.exp(1.3) / np.exp(bias) == pytest.approx(50)


def test_missing_labels_teach_nothing():
    images, xy = planted()
    xy[::2, 1] = np.nan
    some = linear.fit(images, xy, SMALL, np.random.default_rng(0))
    assert np.median(distance(some, *planted(seed=1))) < 1.0
    kept = linear.fit(images, xy[:, :1], SMALL, np.random.default_rng(0))
    np.testing.assert_allclose(some.weight[0], kept.weight[0])  # the other one is untouched


def test_one_seed_makes_one_model():
    cfg = SMALL.model_copy(update={"optimizer": "adam"})
    first, again = (linear.fit(*planted(8), cfg, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.weight, again.weight)


def test_says_what_is_wrong_with_the_input():
    images, xy = planted(4)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="0 to 1"):
        linear.fit(images * 255, xy, SMALL, rng)
    with pytest.raises(InputError, match="0 images and 0 rows"):
        linear.fit(images[:0], xy[:0], SMALL, rng)
    with pytest.raises(InputError, match="keypoint 1 has no label"):
        linear.fit(images, xy * np.array([[1.0], [np.nan]]), SMALL, rng)
    with pytest.raises(ValueError, match="odd"):
        linear.LinearConfig(patch=30)


@pytest.mark.slow
def test_beats_the_mean_pose_on_open_field_mice(data):
    """The last block of five; the settings were chosen on the third."""
    cv2, pd = pytest.importorskip("cv2"), pytest.importorskip("pandas")
    folder = data / "mouse_openfield"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    labels = pd.read_hdf(folder / "labeled-data/m4s1/CollectedData_Pranav.h5")
    xy = labels.to_numpy(float).reshape(len(labels), -1, 2)
    images = np.stack([cv2.imread(str(folder / name), 0) for name in labels.index]) / 255
    test = np.arange(len(xy)) // 19 == 4
    model = linear.fit(
        images[~test], xy[~test], linear.LinearConfig(), np.random.default_rng(0)
    )
    error = distance(model, images[test], xy[test]).mean()
    guess = np.linalg.norm(xy[~test].mean(axis=0) - xy[test], axis=-1).mean()
    print(f"linear {error:.1f} px, mean pose {guess:.1f} px, {test.sum()} images")
    assert error < guess / 2


def test_what_lies_in_a_region_is_no_negative():
    images, xy = blobs(30, (64, 80))
    y, x = np.mgrid[:64, :80]
    mirror = np.exp(-((x - 70.0) ** 2 + (y - 54.0) ** 2) / (2 * 4.0**2))  # the same disc again
    near = (xy[:, 0] > [48.0, 32.0]).all(axis=1)  # whose own disc would touch it
    images, xy = np.clip(images[~near] + 0.6 * mirror, 0, 1), xy[~near]
    corner = np.array([[56.0, 40], [81, 40], [81, 65], [56, 65]])
    blind, seeing = (
        linear.fit(images, xy, SMALL, np.random.default_rng(0), hidden)
        for hidden in ([[corner]] * len(images), None)
    )
    column, row = np.rint(xy[:, 0]).astype(int).T
    here = [
        float(np.median(linear.score_maps(m, images)[np.arange(len(xy)), 0, row, column]))
        for m in (blind, seeing)
    ]
    assert here[0] > here[1] + 0.5, here  # nats; else half of what looks so is none
