"""Individuals whom a network knows by their looks: trained, predicted, scored, named."""

from dataclasses import replace

import numpy as np
import pytest
from pairs import FRAMES, LIGHT, film, small

from gambol.core.instances import UNTRACKED
from gambol.io import detections as io_detections
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.io import tracks as io_tracks
from gambol.pose import identify
from gambol.stages import evaluate, predict, report, track, train

WAYS = ("top-down", "bottom-up")
MARKED = (250, 40, 250)  # the lights of the second animal: dark in the middle


@pytest.fixture(scope="module", params=WAYS)
def made(request, tmp_path_factory):
    base = tmp_path_factory.mktemp(f"looks-{request.param}")
    pair = film(base / "pair", (LIGHT, MARKED))
    cfg = small(request.param, identities=True)
    run = train.run(cfg, pair.labels, base / "run", threads=1)
    (found,) = predict.run(
        predict.PredictConfig(), run, [pair.video], base / "found", device="torch", threads=1
    )
    return pair, run, found.poses


def test_the_run_says_how_often_looks_name_the_right_animal(made):
    _, run, _ = made
    model = io_run.load(run).model
    assert model.many.classes == ("ann", "bob") and model.many.temperature > 0
    told = store.read_json(run / "metrics.json")["identity"]
    assert told["n"] == 12 and told["one_to_one"] == 1.0 and told["rank1"] > 0.9
    assert told["chance"] == 0.5 and 0.8 < told["said"] < 1


def test_detections_carry_probabilities_of_names(made):
    pair, _, path = made
    about, found = io_detections.read(path)
    assert about.classes == ("ann", "bob")
    np.testing.assert_allclose(np.exp(found.identity).sum(axis=1), 1.0, rtol=1e-5)
    far = np.linalg.norm(found.xy[:, 1, None] - pair.xy[found.frame][:, :, 1], axis=-1)
    real = far.min(axis=1) < 4
    assert real.sum() == 2 * FRAMES
    right = found.identity.argmax(axis=1) == far.argmin(axis=1)
    assert right[real].mean() > 0.95


def test_a_temperature_is_what_divides_them(made):
    pair, run, path = made
    trained = io_run.load(run)
    warm = trained.model.many.model_copy(update={"temperature": 7.0})
    other = trained._replace(model=trained.model.model_copy(update={"many": warm}))
    from gambol.stages import evaluate_many

    labels = io_labels.load(pair.labels)
    one, two = (evaluate_many.see(r, labels).rows.identity for r in (trained, other))
    back = identify.soften(one, 7.0 / trained.model.many.temperature)
    np.testing.assert_allclose(two, back, atol=1e-6)


def test_names_and_not_their_order_are_compared(made, tmp_path):
    pair, run, path = made
    labels = io_labels.load(pair.labels)
    turned = replace(labels, individuals=("bob", "ann"), individual=1 - labels.individual)
    io_labels.write(turned, tmp_path / "turned.csv", "csv")
    cfg = evaluate.EvaluateConfig(part="all")
    for result in (run, path):
        scores = [evaluate.run(cfg, result, p) for p in (pair.labels, tmp_path / "turned.csv")]
        for one in scores:
            assert one["identity"]["rank1"] > 0.9 and one["identity"]["n"] == len(labels)
    strangers = replace(labels, individuals=("eve", "carl"))
    io_labels.write(strangers, tmp_path / "strangers.csv", "csv")
    assert "identity" not in evaluate.run(cfg, run, tmp_path / "strangers.csv")


def test_tracks_have_the_names(made, tmp_path):
    pair, _, path = made
    (done,) = track.run(track.TrackConfig(), [path], tmp_path)
    said = io_tracks.load(done.tracks)
    assert set(said.names) == {"ann", "bob"}
    rows = np.flatnonzero(said.id != UNTRACKED)
    far = np.linalg.norm(
        said.found.xy[rows, 1, None] - pair.xy[said.found.frame[rows]][:, :, 1], axis=-1
    )
    truth = np.array(["ann", "bob"])[np.nanargmin(far, axis=1)]
    assert (np.array(said.names)[said.id[rows]] == truth).mean() > 0.95


def test_the_report_says_how_often_names_are_right(made, tmp_path):
    _, run, _ = made
    text = report.run(run, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "named rightly" in text and "likeliest name is right, of 12 animals found" in text
    assert "guessing would be 50\u00a0%" in text
