import numpy as np

from gambol.viz import tracked

EVENT = tracked.Event("gap", 10, 19, ("a", "b", "c"), 0.75, ("b", "c", "a"), 40)


def seen(events=(EVENT,), n=3):
    sure = np.ones((100, n))
    sure[:25, 0] = np.nan
    sure[50:60] = 0.8
    names = ("a", "b", "c <x>")[:n]
    return tracked.Tracks(
        "film", names, np.arange(100) / 10, sure, np.zeros(100, int), list(events), 0.9, []
    )


def test_says_who_was_there_and_for_how_long_not():
    text = tracked.describe(seen())
    assert "All of them were found in 75.0 % of the frames" in text
    assert "doubtful in 10.0 %" in text and "c &lt;x&gt;" in text
    assert "<td>75.0 %</td><td>2.50 s</td>" in text
    assert "<td>100.0 %</td><td>0.00 s</td>" in text


def test_an_exchange_of_three_is_said_animal_by_animal():
    assert "a is b, b is c, c is a" in tracked.describe(seen())
    pair = EVENT._replace(animals=("a", "b", "c"), instead=("c", "b", "a"))
    assert "a ↔ c" in tracked.describe(seen([pair]))


def test_a_long_queue_is_cut_and_says_so():
    text = tracked.describe(seen([EVENT] * 20))
    assert "20 places" in text and "about 5.0 of them" in text and "and 5 more" in text


def test_moments_are_cut_to_tenths():
    assert tracked.clock(59.96) == "0:59.9" and tracked.clock(600.0) == "10:00.0"


def test_detections_say_how_many_were_found():
    counts = np.array([2, 2, 1, 0])
    found = tracked.Counted(
        "film", np.arange(4) / 10, counts, 2, 0.97, [], "No pictures: <gone>"
    )
    text = tracked.describe_counts(found)
    assert "5 animals in 4 frames, 1.25 a frame; 25.0 % of the frames show none" in text
    assert "just so many were found in 50.0 %" in text and "&lt;gone&gt;" in text
