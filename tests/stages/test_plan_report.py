import json
from pathlib import Path

import pandas as pd
import pytest

from gambol.pose.rivals import Interval
from gambol.stages import plan_report
from gambol.stages.plan_report import Findings, Point, Ruler, Series


def series(name, amounts, errors, near=0.9):
    points = tuple(Point(Interval(e, 0.9 * e, 1.1 * e), near) for e in errors)
    return Series(name, tuple(amounts), points)


def findings(goal=None, near=0.9, labels=(9.0, 5.0, 3.0, 2.9), falling=0.0):
    curves = [
        series("labels", (20, 40, 80, 160), labels, near),
        series("width", (320, 640), (4.0, 2.9), near),
        series("network", ("unet", "leap"), (2.9, 3.0), near),
        series("cameras", (2, 3), (6.0, 5.9), near),
    ]
    chosen = {one.name: one.amounts[one.enough(goal, 0.1)] for one in curves}
    together = [series("network", ("unet",), (3.1,)), series("cameras", (2,), (6.5,))]
    return Findings(
        curves, chosen, together, goal, 0.1, falling, Ruler({320: 2.0, 640: 1.0}, 80.0)
    )


def test_what_is_nearly_as_good_as_the_best_is_enough():
    found = findings()
    assert found.chosen == {"labels": 80, "width": 640, "network": "unet", "cameras": 2}


def test_a_goal_takes_less_or_more():
    assert findings(goal=5.0).chosen["labels"] == 40
    assert findings(goal=4.0).chosen["width"] == 320


def test_it_is_said_in_sentences():
    told = plan_report.sentences(findings())
    assert (
        told[0] == "80 labelled frames are enough: 3.00 mm, with 160 labelled frames 2.90 mm."
    )
    assert told[1] == "Take pictures 640 px wide: 2.90 mm, with 320 4.00 mm."
    assert told[2] == "Take the network unet: 2.90 mm; leap 3.00 mm."
    assert told[3] == "2 cameras are enough: 6.00 mm, with 3 cameras 5.90 mm."
    assert told[4].startswith("Together, 80 labelled frames, pictures 640 px wide, the network")
    assert "3.10 mm (2.79 to 3.41) in the picture and 6.50 mm" in told[4]


def test_errors_that_still_fall_say_what_more_may_bring():
    told = plan_report.sentences(findings(labels=(8.0, 6.0, 4.0, 2.0)))
    assert (
        told[0] == "Take 160 labelled frames: 2.00 mm, with 80 4.00 mm; 320 may bring 1.00 mm."
    )


def test_a_goal_out_of_reach_is_said():
    told = plan_report.sentences(findings(goal=1.0))
    assert told[0] == (
        "Nothing tried here reaches 1 mm: 160 labelled frames come nearest, with 2.90 mm."
    )


def test_where_more_did_worse_the_minutes_are_too_few():
    told = plan_report.sentences(findings(labels=(3.0, 3.5, 4.0, 5.0)))
    assert told[0].startswith(
        "Take 20 labelled frames: 3.00 mm. More of it did worse, 160 5.00"
    )


def test_a_training_that_had_not_ended_is_said_first():
    told = plan_report.sentences(findings(falling=0.25))
    assert told[0].startswith("Learning had not ended") and "25%" in told[0]
    assert len(plan_report.sentences(findings(falling=0.05))) == len(told) - 1


def test_networks_that_learned_nothing_recommend_nothing():
    told = plan_report.sentences(findings(near=0.2))
    assert told[0].startswith("Too little was learned") and "20%" in told[0]


def test_table_page_and_result_hold_the_same(tmp_path):
    made = plan_report.write(findings(), "Simulated.", "goal: null\n", tmp_path)
    table = pd.read_csv(made.table)
    assert table["error_mm"].tolist() == pytest.approx(
        [9.0, 5.0, 3.0, 2.9, 4.0, 2.9, 2.9, 3.0, 6.0, 5.9]
    )
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["recommended"]["labels"] == 80 and result["space_mm"] == 6.5
    assert [row["amount"] for row in result["rows"]][:4] == [20, 40, 80, 160]
    assert made.sentences[0] in Path(made.report).read_text(encoding="utf-8")
