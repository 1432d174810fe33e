"""Files of identities: automatic tracks, logs, and what tells that they belong together."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.stages import identities
from gambol.stages.identities import Automatic, Log
from gambol.tracking.review import Event

KEY = "0123456789abcdef"


def automatic():
    events = [Event("gap", 3, 9, (0, 1), 0.625, (1, 0), 0.5, 12)]
    kept = np.array([True, False, True])
    ids, sure, track = np.array([0, 1]), np.array([0.5, 1.0]), np.array([4, 7])
    margin, doors = np.array([np.inf, 2.5]), np.zeros((0, 2))
    return Automatic(ids, sure, track, margin, kept, doors, 2, 1e4, 31.5, True, events)


def test_automatic_tracks_come_back_as_they_were(tmp_path):
    target, made = tmp_path / "film.nc", automatic()
    identities.write_automatic(target, KEY, made)
    again = identities.read_automatic(target, KEY)
    for one, other in zip(made[:-1], again[:-1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.events == made.events and isinstance(again.events[0], Event)
    assert isinstance(again.n_animals, int) and again.offline is True


def test_only_the_automatic_tracks_of_the_same_film_are_forgotten(tmp_path):
    for stem in ("film", "film.2"):
        identities.write_automatic(tmp_path / f"{stem}.nc", KEY, automatic())
        identities.write_automatic(tmp_path / f"{stem}.nc", KEY[::-1], automatic())
    identities.forget_others(tmp_path / "film.nc", KEY)
    assert {p.name for p in tmp_path.iterdir()} == {
        f".film.{KEY}.npz", f".film.2.{KEY}.npz", f".film.2.{KEY[::-1]}.npz",
    }  # fmt: skip


def test_a_log_comes_back_and_its_hash_changes_with_it(tmp_path):
    target, seen = tmp_path / "film.nc", set()
    for log in (Log(KEY, []), Log(KEY[::-1], []), Log(KEY, [{"kind": "cut", "row": 3}])):
        identities.write_log(target, log, "cut")
        assert identities.read_log(target) == log
        seen.add(log.hash)
    assert len(seen) == 3 and identities.read_log(tmp_path / "other.nc") is None


@pytest.mark.parametrize("first", ['{"kind": "cut", "row": 1}', '{"kind": "begin"}', "[1]"])
def test_a_log_about_nothing_is_refused(tmp_path, first):
    (tmp_path / "film.edits.jsonl").write_text(first + "\n")
    with pytest.raises(InputError, match="does not begin with the tracks"):
        identities.read_log(tmp_path / "film.nc")
