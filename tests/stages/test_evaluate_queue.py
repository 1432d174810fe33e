"""What the review queue is worth, against a meeting whose outcome is known."""

import numpy as np
import pytest
import tracked
from meetings import FPS

from gambol.app import show
from gambol.io import tracks as io_tracks
from gambol.stages import evaluate, review, track

ALL = evaluate.EvaluateConfig(part="all")


@pytest.fixture(scope="module", params=[False, True], ids=["right", "wrong"])
def met(request, tmp_path_factory):
    """Tracks of a meeting that were resolved rightly or not, and the truth."""
    folder = tmp_path_factory.mktemp("met")
    source, scene = tracked.crossing(folder / "film.detections.nc")
    (made,) = track.run(track.TrackConfig(), [source], folder / "out")
    (event,) = review.run(review.ReviewConfig(), made.tracks).events
    (piece,) = io_tracks.pieces(made.tracks, frames=10**6)
    ids, who = piece.id.copy(), piece.found.frame >= event["last"]
    if request.param:
        ids[who] = 1 - ids[who]
    truth = folder / "truth.nc"
    part = piece._replace(id=ids, confidence=np.ones(len(ids)))
    io_tracks.write(
        truth, [part], scene.times, tracked.JOINTS, ("a", "b"), fps=FPS,
        attrs={"source_file": "film.mp4"},
    )  # fmt: skip
    return made.tracks, truth, request.param, event, np.mean(who)


def test_events_and_clicks_are_those_of_the_truth(met):
    tracks, truth, wrong, event, late = met
    scores = evaluate.run(ALL, tracks, truth)
    (queue,) = scores["review"]
    assert queue["events"] == 1 and queue["wrong"] == int(wrong)
    assert queue["crossings"]["share_right"] == 1 - wrong
    assert queue["crossings"]["chance"] == 0.5 and queue["crossings"]["n"] == 1
    off = event["confidence"] - (1 - wrong)
    assert queue["crossings"]["brier"] == pytest.approx(off**2, abs=1e-6)
    assert queue["clicks"] == (2 if wrong else 0)
    assert queue["idf1_before"] == pytest.approx(scores["idf1"])
    assert queue["idf1_before"] == pytest.approx(max(late, 1 - late) if wrong else 1.0)
    assert queue["idf1_after"] == 1.0
    assert queue["wrong_in_first"] == dict.fromkeys(("5", "10", "20", "50"), int(wrong))


def test_the_command_says_it_in_a_line(met):
    tracks, truth, wrong, *_ = met
    said = show.scores(evaluate.run(ALL, tracks, truth))
    line = next(line for line in said.splitlines() if line.startswith("review of film.nc"))
    assert "1 event, " in line and f"{int(wrong)} to mend" in line


def test_tracks_without_a_queue_and_truth_of_few_frames_score_no_queue(met, tmp_path):
    tracks, truth, *_ = met
    (tmp_path / "film.nc").write_bytes(tracks.read_bytes())
    assert evaluate.run(ALL, tmp_path / "film.nc", truth)["review"] == []
