"""The page about a run of two drawn animals, and what it shows of films."""

import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
import walkers
from pairs import trained

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.io import run as io_run
from gambol.io import store
from gambol.stages import identities, report

VOID = {"meta", "img", "br", "hr"}
EVENT = {
    "kind": "contact", "first": 8, "last": 11, "animals": ["ann", "bob"], "confidence": 0.62,
    "instead": ["bob", "ann"], "cost_difference": 0.5, "affected": 9,
}  # fmt: skip


class Balanced(HTMLParser):
    """Refuses elements that are not closed in turn."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="module")
def run(base):
    return trained(base, "top-down")[1]


@pytest.fixture
def video(tmp_path):
    return walkers.film(tmp_path)


def page(run, out, *poses):
    text = report.run(run, out / "page.html", poses=list(poses)).read_text(encoding="utf-8")
    Balanced(text)
    assert "None" not in re.sub(r"base64,[^\"]*", "", text)
    return text


def test_the_page_has_the_scores_of_the_run_strict_and_as_sleap_counts(run, tmp_path):
    text = page(run, tmp_path)
    found = store.read_json(run / "metrics.json")["animals"]
    low, high = found["intervals"]["oks_map"]
    assert f"<b>{found['oks_map']:.3f}</b><span>OKS mAP, strict; {low:.3f} to" in text
    assert f"<td>{found['oks_map_01']:.3f}</td>" in text
    assert f"<td>{found['sleap_map']:.3f}</td>" in text
    assert "SLEAP&#x27;s score is optimistic" in text or "SLEAP's score is optimistic" in text
    assert f"{found['n_animals']} animals are labelled in {found['n_frames']} frames" in text
    assert "Middles of animals, px" in text and "Keypoints in the crops, px" in text
    missed = found["n_animals"] - found["n_matched"]
    assert (f"{missed} of {found['n_animals']} labelled animals have no such" in text) == (
        missed > 0
    )


def test_what_was_chosen_for_several_animals_is_said_with_its_reason(run, tmp_path):
    text = page(run, tmp_path)
    for word in ("top-down", "crops", "centroids"):
        assert f"<li><b>{word}</b>: " in text
    assert "<b>windows</b>" not in text  # of which top-down has none


def test_the_crop_is_shown_and_what_it_cuts_off_is_counted(run, tmp_path):
    model = io_run.load(run).model
    text = page(run, tmp_path)
    assert f"A square of {model.many.side / model.scale:.0f} px is cut" in text
    assert "All 120 labels lie inside." in text  # 20 frames, 2 animals, 3 keypoints
    tight = tmp_path / "tight"
    shutil.copytree(run, tight)
    many = model.many.model_copy(update={"side": 20})
    small = model.model_copy(update={"many": many})
    store.write_text(small.model_dump_json(), tight / io_run.MODEL)
    text = page(tight, tmp_path)
    # nose and tail are 14 px from the middle, and the square reaches 10 px to each side
    assert "80 of 120 labels (66.7 %) lie outside" in text
    assert "--set many.crop=32" in text and "pair.mp4, frame 0: nose" in text
    assert "Ringed in red" in text


def test_without_its_labels_and_video_a_run_still_has_a_page(run, tmp_path):
    lone = tmp_path / "lone"
    shutil.copytree(run, lone)
    origin = store.read_json(lone / "provenance.json")
    store.write_json({**origin, "labels": "/gone/labels.csv"}, lone / "provenance.json")
    held = io_run.read_heldout(lone)
    gone = np.array(["/gone/pair.mp4"] * len(held.frame))
    io_run.write_heldout(held._replace(video=gone), lone)
    text = page(lone, tmp_path)
    assert "validation labels lie inside" in text
    assert "No picture of pair.mp4" in text


def test_a_bottom_up_run_has_no_crops(base, tmp_path):
    text = page(trained(base, "bottom-up")[1], tmp_path)
    assert "bottom-up" in text and "is cut around" not in text
    assert "How it learned" in text and "The worst animals" in text


def test_an_animal_that_was_missed_is_counted_and_shown(run, tmp_path):
    lone = tmp_path / "lone"
    shutil.copytree(run, lone)
    held = io_run.read_heldout(lone)
    xy = held.xy.copy()
    xy[np.ptp(held.truth, axis=1).prod(axis=1).argmax()] = np.nan  # OKS forgives it most
    io_run.write_heldout(held._replace(xy=xy), lone)
    text, before = page(lone, tmp_path), page(run, tmp_path)
    gone = [int((re.findall(r"(\d+) of 12 labelled animals have no such", t) or [0])[0])
            for t in (before, text)]  # fmt: skip
    assert gone[1] == gone[0] + 1
    assert text.count(": not found</figcaption>") == 1


def test_tracks_are_shown_with_presence_confidence_and_queue(run, video, tmp_path):
    ids = np.tile([0, 1], walkers.FRAMES)
    ids[[11, 13]] = UNTRACKED
    sure = np.where(ids == UNTRACKED, 0.0, np.where(np.arange(len(ids)) >= 20, 0.62, 1.0))
    path = walkers.tracks(tmp_path / "walk.nc", video, ids, sure)
    store.write_json({"events": [EVENT]}, identities.queue_file(path))
    text = page(run, tmp_path, path)
    assert "Who is who: walk" in text and "2 animals in 20 frames" in text
    assert "All of them were found in 90.0 % of the frames" in text
    assert "an identity is doubtful in 50.0 %" in text and "2 further detections" in text
    row = "<td>0:00.8</td><td>8–11</td><td>contact</td><td>ann, bob</td><td>0.620</td>"
    assert row + "<td>ann ↔ bob</td><td>9</td>" in text
    assert "about 0.4 of them are expected to be wrong" in text
    assert "doubtful: frame 8, 2 animals" in text
    assert "Identity confidence is the probability" in text


def test_the_queue_may_be_empty_or_not_there(run, video, tmp_path):
    path = walkers.tracks(tmp_path / "walk.nc", video)
    assert "Review queue" not in page(run, tmp_path, path)
    store.write_json({"events": []}, identities.queue_file(path))
    assert "Empty: in no place" in page(run, tmp_path, path)
    store.write_json({"events": [{"kind": "gap"}]}, identities.queue_file(path))
    with pytest.raises(InputError, match=r"walk.review.json is no review queue"):
        page(run, tmp_path, path)


def test_detections_are_counted_over_time(run, video, tmp_path):
    some = walkers.rows().select(np.arange(2 * walkers.FRAMES) != 7)
    text = page(run, tmp_path, walkers.detections(tmp_path / "walk.detections.nc", video, some))
    assert "Animals found: walk" in text and "39 animals in 20 frames" in text
    assert "just so many were found in 95.0 %" in text
    assert "unusual: frame 3, 1 animal<" in text


def test_a_film_that_is_gone_costs_the_pictures_and_not_the_page(run, video, tmp_path):
    path = walkers.tracks(tmp_path / "walk.nc", video)
    video.unlink()
    assert "No pictures: " in page(run, tmp_path, path)
