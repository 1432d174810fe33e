"""Two animals vanish and come back where only looks tell who is who."""

import cv2
import numpy as np
import pytest
import tracked

from gambol.core.errors import InputError
from gambol.core.instances import from_positions
from gambol.io import tracks as io_tracks
from gambol.io.video.write import VideoWriter
from gambol.pose.appearance_settings import AppearanceConfig
from gambol.stages import appearance, identities, review, track

FPS, BEFORE, GAP, AFTER = 10, 12.0, 2.0, 10.0  # s
SMALL = AppearanceConfig(side=24, steps=30, batch=24)
BODY = np.linspace(12, -12, 5)


def scene(swapped, rng):
    """Positions (T, 2, 5, 2) of two animals that part after the gap; frames where they are."""
    t = np.arange(round((BEFORE + GAP + AFTER) * FPS)) / FPS
    since = np.where(t < BEFORE, BEFORE - t, np.maximum(t - BEFORE - GAP, 0))
    shown = (t < BEFORE) | (t >= BEFORE + GAP)
    side = np.where((t >= BEFORE) & swapped, -1, 1)
    x = side * (14 + 24 * np.sin(0.35 * since) ** 2)
    xy = np.empty((len(t), 2, 5, 2))
    for animal, sign in enumerate((-1, 1)):
        y = 48 + 22 * np.sin(0.6 * since + animal)
        angle = 0.5 * since + 2 * animal
        way = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        middle = np.stack([64 + sign * x, y], axis=1)
        xy[:, animal] = middle[:, None] + BODY[:, None] * way[:, None]
    return xy + 0.4 * rng.standard_normal(xy.shape), shown, t


def film(path, xy, shown, tones, rng):
    """Draw the animals as thick lines on a bright ground."""
    with VideoWriter(path, FPS, (128, 96)) as writer:
        for frame, seen in zip(xy, shown, strict=True):
            image = np.full((96, 128), 205.0)
            for points, tone in zip(frame, tones, strict=True):
                a, b = np.rint(points[[0, -1]]).astype(int).tolist()
                if seen:
                    cv2.line(image, a, b, float(tone), 9)
            image = np.clip(image + 5 * rng.standard_normal(image.shape), 0, 255)
            writer.write(image[..., None].astype(np.uint8))


def recorded(folder, swapped, tones):
    """A film, its detections, and who each of them is."""
    rng = np.random.default_rng(3)
    xy, shown, t = scene(swapped, rng)
    folder.mkdir(parents=True, exist_ok=True)
    film(folder / "film.mp4", xy, shown, tones, rng)
    frame = np.repeat(np.flatnonzero(shown), 2)
    found = from_positions(frame, xy[shown].reshape(-1, 5, 2), sd=0.4)
    where = str((folder / "film.mp4").resolve())
    tracked.write(folder / "film.detections.nc", found, t, most=2, source_file=where)
    return folder / "film.detections.nc", np.tile([0, 1], int(shown.sum()))


CFG = track.TrackConfig(appearance=SMALL)


def run(source, out, **changes):
    steps = []
    (made,) = track.run(CFG.model_copy(update=changes), [source], out, progress=steps.append)
    return made, {step.stage for step in steps}


def right(path, truth):
    """Whether detections before and after the gap have the names they should."""
    (piece,) = io_tracks.pieces(path, frames=10**6)
    before = piece.found.frame < BEFORE * FPS
    first = [np.bincount(piece.id[before & (truth == a)] + 1).argmax() for a in (0, 1)]
    last = [np.bincount(piece.id[~before & (truth == a)] + 1).argmax() for a in (0, 1)]
    return first == last


def report(path):
    return appearance._read(path)[1]["report"]


@pytest.mark.parametrize("swapped", [False, True])
def test_looks_say_who_comes_back(tmp_path, swapped):
    source, truth = recorded(tmp_path, swapped, (50, 110))
    made, _ = run(source, tmp_path / "out")
    said = report(made.tracks)
    assert said["auroc"] > 0.9 and said["rank1"] > 0.9 and said["used"]
    assert right(made.tracks, truth)
    assert identities.attributes(made.tracks)["looks"]


def test_without_looks_one_of_the_two_ways_to_part_is_mistaken(tmp_path):
    told = []
    for swapped in (False, True):
        source, truth = recorded(tmp_path / str(swapped), swapped, (50, 110))
        made, stages = run(source, tmp_path / f"out{swapped}", appearance=None)
        assert stages == {"follow", "track"} and "looks" not in identities.attributes(
            made.tracks
        )
        told.append(right(made.tracks, truth))
    assert told.count(True) == 1


def test_identical_animals_get_no_looks_and_the_report_says_so(tmp_path):
    source, _ = recorded(tmp_path, True, (80, 80))
    made, _ = run(source, tmp_path / "out")
    said = report(made.tracks)
    assert 0.3 < said["auroc"] < 0.7 and not said["used"] and "alike" in said["why"]
    values, _ = appearance._read(made.tracks)
    assert values.shape[1] == 0


def test_pictures_learned_from_are_not_used(tmp_path):
    source, _ = recorded(tmp_path, False, (50, 110))
    made, _ = run(source, tmp_path / "out")
    values, _ = appearance._read(made.tracks)
    (piece,) = io_tracks.pieces(made.tracks, frames=10**6)
    early = piece.found.frame < 5 * FPS
    late = (piece.found.frame > 8 * FPS) & (piece.found.frame < BEFORE * FPS)
    assert np.isnan(values[early]).all() and np.isfinite(values[late]).all()
    np.testing.assert_allclose(np.linalg.norm(values[late], axis=1), 1, atol=1e-5)


def test_a_second_call_and_a_review_use_the_looks_that_are_there(tmp_path):
    source, truth = recorded(tmp_path, True, (50, 110))
    made, stages = run(source, tmp_path / "out")
    assert {"follow", "learn looks", "look at animals", "track"} == stages
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    again, stages = run(source, tmp_path / "out")
    assert again == made and stages == {"track"}
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()} == before
    (tmp_path / "film.mp4").unlink()  # nobody looks at it again
    review.run(review.ReviewConfig(do="resolve"), made.tracks)
    assert right(made.tracks, truth) and identities.attributes(made.tracks)["looks"]
    appearance.looks_file(made.tracks).unlink()
    with pytest.raises(InputError, match=r"does not hold the looks.*into another --out"):
        run(source, tmp_path / "out")


def test_a_killed_run_goes_on_and_comes_to_the_same(tmp_path, monkeypatch):
    source, _ = recorded(tmp_path, False, (50, 110))
    whole, _ = run(source, tmp_path / "whole")
    expected, _ = appearance._read(whole.tracks)
    monkeypatch.setattr(appearance, "PIECE", 50)
    pieces, first = [], appearance._piece

    def dies(shards, number, *rest):
        if number == 2 and len(pieces) == 2:
            raise KeyboardInterrupt
        pieces.append(number)
        return first(shards, number, *rest)

    monkeypatch.setattr(appearance, "_piece", dies)
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "out")
    left = {p.name for p in (tmp_path / "out").iterdir()}
    assert left == {"film.looks.safetensors", ".film.looks.shards", ".film.track.shards"}
    made, stages = run(source, tmp_path / "out")
    assert "learn looks" not in stages
    np.testing.assert_allclose(appearance._read(made.tracks)[0], expected, atol=1e-6)
    assert not (tmp_path / "out" / ".film.looks.shards").exists()


def test_other_settings_of_tracking_learn_nothing_twice(tmp_path):
    source, _ = recorded(tmp_path, False, (50, 110))
    run(source, tmp_path / "out")
    made, stages = run(source, tmp_path / "out", doors=((1.0, 1.0),))
    assert stages == {"follow", "track"} and report(made.tracks)["used"]


def test_damaged_weights_are_learned_again(tmp_path):
    path = tmp_path / "x.looks.safetensors"
    assert appearance._load(path, "key") is None
    path.write_bytes(b"no network")
    assert appearance._load(path, "key") is None


def test_a_film_that_is_gone_or_another_is_said_so(tmp_path):
    source, _ = recorded(tmp_path, False, (50, 110))
    film_path = tmp_path / "film.mp4"
    film_path.rename(tmp_path / "away.mp4")
    with pytest.raises(InputError, match=r"film.mp4, which is not at .* leave appearance off"):
        run(source, tmp_path / "out")
    with VideoWriter(film_path, FPS, (128, 96)) as writer:
        for _ in range(3):
            writer.write(np.zeros((96, 128, 1), np.uint8))
    with pytest.raises(InputError, match="has 3 frames, the detections are of 240"):
        run(source, tmp_path / "out")


def test_animals_that_are_never_together_teach_nothing(tmp_path):
    source, _ = tracked.apart(tmp_path / "film.detections.nc", n=1)
    with VideoWriter(tmp_path / "film.mp4", 30, (64, 64)) as writer:
        for _ in track.read(source).times:
            writer.write(np.zeros((64, 64, 1), np.uint8))
    tracked.apart(source, n=1, source_file=str(tmp_path / "film.mp4"))
    made, _ = run(source, tmp_path / "out")
    assert report(made.tracks)["auroc"] is None and "long enough" in report(made.tracks)["why"]


def test_it_is_switched_or_set():
    usual = track.TrackConfig()
    assert usual.appearance is None
    assert usual.override(["appearance=true"]).appearance == AppearanceConfig()
    assert usual.override(["appearance.steps=50"]).appearance == AppearanceConfig(steps=50)
    assert CFG.override(["appearance=false"]).appearance is None
    with pytest.raises(InputError, match="no setting 'appearance.stepps'"):
        usual.override(["appearance.stepps=50"])
