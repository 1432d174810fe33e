"""What all movies of instances share."""

from gambol.stages import movie_tiles


def test_fast_labels_make_movies_of_a_fraction_of_their_rate():
    for fps, expected in [(120, 30), (50, 25), (30, 30), (29.97, 29.97), (20, 20), (31, 15.5)]:
        assert movie_tiles.rate(None, fps) == expected
    assert movie_tiles.rate(10, 120) == 10


def test_a_tile_says_where_in_its_recording_it_begins():
    told = [movie_tiles.moment(s) for s in (0.0, 0.3, 59.99, 75.26, 3600.0)]
    assert told == ["0:00.0", "0:00.3", "0:59.9", "1:15.2", "60:00.0"]
