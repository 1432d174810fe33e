"""What a run for two animals leaves: crops that show them, scores, the worth of finds."""

import json

import numpy as np
import pytest
from pairs import LIGHT, trained

from gambol.core import pixels
from gambol.io import run as io_run
from gambol.pose import calibrate, judge
from gambol.stages import predict_many, trained_many

WAYS = ("top-down", "bottom-up")


@pytest.fixture(scope="module", params=WAYS)
def made(request, tmp_path_factory):
    pair, run = trained(tmp_path_factory.getbasetemp(), request.param)
    return pair, run, io_run.read_heldout(run)


def test_every_labelled_animal_of_validation_is_kept_once(made):
    pair, run, held = made
    frames = sorted({f for part, _, f, _ in io_run.read_split(run) if part == "val"})
    assert held.frame.tolist() == list(np.repeat(frames, 2))
    assert {str(v) for v in held.video} == {str(pair.video.resolve())}
    for i, frame in enumerate(frames):
        both = held.truth[2 * i : 2 * i + 2]
        np.testing.assert_allclose(both, pair.xy[frame], atol=1e-6)
    assert (held.visibility == 2).all()


def test_kept_crops_show_their_animal_where_the_truth_says(made):
    pair, _, held = made
    for image, matrix, truth in zip(held.images, held.to_video, held.truth, strict=True):
        inside = pixels.apply(pixels.invert(matrix), truth)
        assert np.linalg.norm(inside.mean(axis=0) - pixels.centre(*image.shape[:2])) < 8
        for (x, y), light in zip(np.rint(inside).astype(int), LIGHT, strict=True):
            assert abs(int(image[y, x, 0]) - light) < 20


def test_the_scores_are_those_of_what_was_kept(made):
    _, run, held = made
    scores = json.loads((run / "metrics.json").read_text())
    far = np.linalg.norm(held.xy - held.truth, axis=-1)
    assert scores["mean_px"] == pytest.approx(np.nanmean(far))
    assert scores["n"] == far.size and scores["n_missing"] == np.isnan(far).sum()
    found = np.isfinite(far)
    np.testing.assert_array_equal(held.confidence > 0, found)
    assert (np.linalg.eigvalsh(held.cov[found]) > 0).all()
    best = min(line["val_px"] for line in io_run.read_log(run))
    assert scores["mean_px"] == pytest.approx(best, abs=0.5)  # one judges crops around labels


def test_no_frame_is_judged_by_what_it_taught(monkeypatch):
    rows = list(range(7))
    seen = trained_many._Seen(rows, rows, rows, np.ones(7, bool), rows, rows)
    taught = []

    def learn(some, length):
        taught.append(some.found)
        return judge.Judged(calibrate.prior(1, float(len(taught))), np.zeros(4))

    monkeypatch.setattr(trained_many, "_judge", learn)
    by = trained_many._cross_fitted(seen, 1.0)
    for row, judged in zip(rows, by, strict=True):
        others = taught[int(judged.calibration.radius) - 1]
        assert row not in others and len(others) >= 5
    assert len(taught) == 5


def test_what_finds_are_worth_can_be_read_again(made):
    _, run, _ = made
    judged = predict_many.judged_by(io_run.load(run))
    model = io_run.load(run).model
    assert judged.calibration.calibrated and judged.real.shape == (4,)
    assert judged.calibration.radius == pytest.approx(0.05 * model.body_px)
    assert judged.calibration.n_errors.tolist() == [12] * 3
    assert judge.from_dict(judge.to_dict(judged)).real.tolist() == list(model.many.real)
