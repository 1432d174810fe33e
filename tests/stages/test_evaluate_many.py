"""Scores of several animals against numbers that are known beforehand."""

from dataclasses import replace

import numpy as np
import pytest
import walkers
from pairs import trained

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections
from gambol.core.labels import join
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.pose.instances import InstanceScoring
from gambol.stages import evaluate, predict

ALL = evaluate.EvaluateConfig(part="all")
HALF = walkers.FRAMES // 2


@pytest.fixture
def video(tmp_path):
    return walkers.film(tmp_path)


@pytest.fixture
def known(tmp_path, video):
    path = tmp_path / "labels.csv"
    io_labels.write(walkers.labels(video), path, "csv")
    return path


@pytest.fixture(scope="module", params=["top-down", "bottom-up"])
def made(request, tmp_path_factory):
    return trained(tmp_path_factory.getbasetemp(), request.param)


def swapped():
    ids = np.tile([0, 1], walkers.FRAMES)
    ids[2 * HALF :] = 1 - ids[2 * HALF :]
    return ids


def score(*args):
    return evaluate.run(ALL, *args)


def test_a_run_scores_on_its_validation_part_what_training_wrote(made):
    pair, run = made
    scores = evaluate.run(evaluate.EvaluateConfig(part="val"), run, pair.labels)
    written = store.read_json(run / "metrics.json")["animals"]
    assert scores["part"] == "val"
    for name in ("n_animals", "n_found", "n_matched", "oks_map", "precision", "recall"):
        assert scores["animals"][name] == pytest.approx(written[name], abs=1e-6)
    assert scores["oks_map"] == pytest.approx(written["oks_map"], abs=1e-6)
    assert scores["oks_map_sleap"] == pytest.approx(written["sleap_map"], abs=1e-6)
    assert 0 <= scores["coverage90"] <= 1
    assert {"n", "mean_px", "median_px", "p95_px", "pck", "keypoints"} <= set(scores)
    assert {"mean_px", "oks_map", "oks_map_sleap"} <= set(scores["intervals"])


def test_the_file_of_a_prediction_scores_as_its_run_does(made, tmp_path):
    pair, run = made
    cfg = predict.PredictConfig()
    (found,) = predict.run(cfg, run, [pair.video], tmp_path, device="torch", threads=1)
    one, other = score(found.poses, pair.labels), score(run, pair.labels)
    assert one["part"] == "detections" and other["part"] == "all"
    assert one["oks_map"] == pytest.approx(other["oks_map"], abs=0.02)
    assert one["median_px"] == pytest.approx(other["median_px"], abs=0.01)


def test_frames_in_which_no_animal_is_count_against_those_who_see_one(made, tmp_path):
    pair, run = made
    labels = io_labels.load(pair.labels)
    path = tmp_path / "negatives.csv"
    without = labels.select(labels.frame > 3)
    io_labels.write(replace(without, negatives=np.array([[0, 1]])), path, "csv")
    scores = score(run, path)  # both animals are there in truth, so both seem invented
    plain = score(run, pair.labels)
    assert scores["animals"]["n_frames"] == len(without.frames) + 1 - len(without.negatives)
    assert scores["animals"]["precision"] < plain["animals"]["precision"]


def test_perfect_detections_are_perfect_and_a_missed_animal_is_not_forgotten(
    tmp_path, video, known
):
    whole = score(walkers.detections(tmp_path / "a.detections.nc", video), known)
    assert whole["oks_map"] == pytest.approx(1.0) and whole["mean_px"] == pytest.approx(0.0)
    assert whole["n"] == 2 * 3 * walkers.FRAMES and whole["n_missing"] == 0
    some = walkers.rows().select(np.arange(2 * walkers.FRAMES) != 5)
    part = score(walkers.detections(tmp_path / "b.detections.nc", video, some), known)
    assert part["n_missing"] == 3 and part["mean_px"] is None and part["median_px"] == 0.0
    assert part["pck"]["0.05"] == pytest.approx(1 - 1 / (2 * walkers.FRAMES))
    assert part["animals"]["matched"]["mean_px"] == pytest.approx(0.0)
    assert part["animals"]["n_matched"] == 2 * walkers.FRAMES - 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, 0.0), ({"sigma": 0.3}, 0.8), ({"sigma": 0.1, "area": "length"}, 0.8),
     ({"sigmas": (0.3, 0.3, 1e-3)}, 0.2)],
)  # fmt: skip
def test_how_poses_are_compared_can_be_chosen_and_comes_with_the_score(
    tmp_path, video, known, options, expected
):
    """All is 4 px off; the body is a line of 40 px, so A is 12² px² or 40² px².

    OKS exp(-16 / (2 A (2 σ)²)): exp(-.154) = .857 and exp(-.125) = .882 pass the eight
    thresholds up to .85, two thirds of .857 the two up to .55.
    """
    rows = walkers.rows(walkers.places() + [4.0, 0.0])
    found = walkers.detections(tmp_path / "a.detections.nc", video, rows)
    cfg = evaluate.EvaluateConfig(oks=InstanceScoring(**options))
    scores = evaluate.run(cfg, found, known)
    assert scores["oks_map"] == pytest.approx(expected, abs=1e-6)
    said = InstanceScoring.model_validate(
        {k: v for k, v in scores["animals"]["options"].items() if k != "length_px"}
    )
    assert said.model_copy(update={"resamples": 2000}) == cfg.oks


def test_labels_made_twice_say_how_exactly_people_label(tmp_path, video, known):
    again = walkers.labels(video)
    xy = again.xy.copy()
    xy[::2, 0, 0] += 3.0  # the nose of one animal in two; A is 12² px²
    io_labels.write(replace(again, xy=xy), tmp_path / "again.slp", "slp")
    said = score(tmp_path / "again.slp", known)["animals"]["sigmas"]
    expected = {"nose": np.sqrt((3 / 12) ** 2 / 2), "middle": 0.0, "tail": 0.0}
    assert said == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["labels", "tracks", "analysis"])
def test_identities_exchanged_at_half_time_score_as_worked_out_by_hand(
    tmp_path, video, known, kind
):
    """IDSW 2, MOTA .95, IDF1 .5, HOTA .577 for two animals in 20 frames (spec, section 8)."""
    truth = known
    if kind == "tracks":
        truth = walkers.tracks(tmp_path / "truth.nc", video)
    if kind == "analysis":
        truth = tmp_path / "truth.h5"
        io_labels.write(walkers.labels(video), truth, "analysis")
    scores = score(walkers.tracks(tmp_path / "walk.nc", video, swapped()), truth)
    assert scores["part"] == "tracks" and scores["id_switches"] == 2
    assert scores["mota"] == pytest.approx(0.95) and scores["idf1"] == pytest.approx(0.5)
    assert scores["hota"] == pytest.approx(0.577, abs=1e-3)
    assert scores["oks_map"] == pytest.approx(1.0)
    assert scores["identities"]["n_animals"] == 2
    first = scores["time_to_first_error_s"]  # either half may count as the right one
    assert first == pytest.approx(0.0) or first == pytest.approx(HALF / walkers.FPS)


def test_what_is_untracked_is_no_find_of_the_tracks(tmp_path, video, known):
    ids = np.tile([0, 1], walkers.FRAMES)
    ids[[3, 8]] = UNTRACKED
    scores = score(walkers.tracks(tmp_path / "walk.nc", video, ids), known)
    assert scores["misses"] == 2 and scores["false_positives"] == 0
    assert scores["animals"]["n_found"] == 2 * walkers.FRAMES - 2


def test_a_file_of_tracks_knows_its_empty_frames_too(tmp_path, video):
    found = walkers.rows()
    keep = found.frame < 12
    truth = walkers.tracks(
        tmp_path / "truth.nc", video, np.tile([0, 1], 12), found=found.select(keep)
    )
    scores = score(walkers.tracks(tmp_path / "walk.nc", video), truth)
    assert scores["n_frames"] == walkers.FRAMES
    assert scores["false_positives"] == 2 * (walkers.FRAMES - 12)


def test_labels_without_names_score_animals_and_no_identities(tmp_path, video):
    path = tmp_path / "nameless.slp"
    io_labels.write(walkers.labels(video, named=False), path, "slp")
    scores = score(walkers.tracks(tmp_path / "walk.nc", video, swapped()), path)
    assert scores["oks_map"] == pytest.approx(1.0)
    assert [scores[n] for n in ("idf1", "mota", "hota", "id_switches")] == [None] * 4


def test_several_recordings_are_scored_together(tmp_path, video, known):
    folder = tmp_path / "tracks"
    folder.mkdir()
    other = video.rename(tmp_path / "other.mp4")
    walkers.film(tmp_path)
    both = tmp_path / "both.slp"
    io_labels.write(join([walkers.labels(video), walkers.labels(other)]), both, "slp")
    walkers.tracks(folder / "walk.nc", video)
    walkers.tracks(folder / "other.nc", other, swapped())
    scores = score(folder, both)
    assert scores["identities"]["n_recordings"] == 2 and scores["id_switches"] == 2
    assert scores["idf1"] == pytest.approx(0.75)


def test_what_does_not_fit_is_refused_in_one_sentence(tmp_path, video, known):
    found = walkers.detections(tmp_path / "walk.detections.nc", video)
    tracks = walkers.tracks(tmp_path / "walk.nc", video)
    elsewhere = walkers.tracks(tmp_path / "elsewhere.nc", tmp_path / "elsewhere.mp4")
    short = Detections(*(part[:0] for part in walkers.rows()))
    none = walkers.detections(tmp_path / "none.detections.nc", tmp_path / "none.mp4", short)
    for match, args in [
        ("names no animal", (tracks, found)),
        ("no poses of the labelled videos walk.mp4", (elsewhere, known)),
        ("no poses of the labelled videos walk.mp4", (none, known)),
        ("holds detections .* and tracks", (tmp_path, known)),
    ]:
        with pytest.raises(InputError, match=match):
            score(*args)
