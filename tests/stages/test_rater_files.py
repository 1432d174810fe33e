"""Labels of people whose programs write no names are told apart by their files."""

from pathlib import Path

import pandas as pd

from gambol.core.ethogram import build
from gambol.stages import rater_files


def saw(*spans):
    """Bouts of one label in a recording."""
    rows = [{"recording": "day1", "label": "rear", "start_frame": a, "stop_frame": b}
            for a, b in spans]  # fmt: skip
    return build(pd.DataFrame(rows, columns=None if rows else ["recording", "label"]))


def test_files_are_named_by_themselves_or_by_their_folders():
    assert rater_files.names([Path("x/anna.boris"), Path("x/ben.csv")]) == ["anna", "ben"]
    alike = [Path(f"{who}/{day}.csv") for who in ("anna", "ben") for day in ("day1", "day2")]
    assert rater_files.names(alike) == ["anna", "anna", "ben", "ben"]


def test_overlapping_bouts_are_of_two_people_and_others_of_one():
    files = [Path("anna/day1.csv"), Path("ben/day1.csv")]
    two = rater_files.joined(files, [saw((0, 10), (30, 40)), saw((5, 15))]).bouts
    assert two.groupby("annotator").size().to_dict() == {"anna": 2, "ben": 1}
    one = rater_files.joined(files, [saw((0, 10)), saw((20, 30))]).bouts
    assert set(one["annotator"]) == {""} and len(one) == 2
