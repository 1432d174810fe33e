import re

import numpy as np
import pytest
import state_examples as world
from state_examples import check

from gambol.viz import report_states
from gambol.viz.figures_fit import Plateau
from gambol.viz.report_states import InformationPage


@pytest.fixture(scope="module")
def page():
    made = world.states_page(remarks=["Rare labels were dropped <here>."])
    return check(report_states.states_page(made))


def test_the_page_has_its_parts_and_needs_no_other_file(page):
    for part in (
        "States: a &lt;fit&gt;", "How long behaviour remembers", "Has the fit settled?",
        "Each state", "When states come", "What states are made of", "Which state follows",
        "Around the onsets", "Does the model remember as long?", "n_states: &lt;4&gt;",
        "gambol 1", "dropped &lt;here&gt;",
    ):  # fmt: skip
        assert part in page, part


def test_every_figure_has_a_sentence(page):
    pictures = page.count('role="img"')
    assert pictures >= 13 and page.count("<figcaption>") == pictures
    assert all(len(said) > 40 for said in re.findall(r"<figcaption>(.*?)</figcaption>", page))


def test_the_head_says_the_numbers(page):
    said = {k: v for v, k in re.findall(r"<div><b>([^<]*)</b><span>([^<]*)</span>", page)}
    made = world.states_page()
    assert said["states with 2\u00a0% of the frames or more"] == "3 of 4"
    assert said["median duration of a state"] == "3\u00a0s"
    assert said["κ over the number of frames"] == f"{600 / len(made.states.values):.3g}"
    assert "75\u00a0%" in said.values()


def test_the_table_has_a_row_for_every_state(page):
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', page)
    rows = [re.findall("<td>(.*?)</td>", row) for name, row in rows if "swatch" in name]
    made = world.states_page()
    up = ", ".join(str(j) for j in np.argsort(-made.biases[1])[:3])
    assert len(rows) == 4 and rows[1][2] == "6\u00a0s" and rows[1][5:8] == ["20", "2", up]
    assert rows[3][0] == "0\u00a0%" and rows[3][2] == rows[3][7] == "–"


def warned(**changed):
    return " ".join(report_states.warnings(world.states_page(**changed)))


def test_a_fit_that_did_not_converge_is_called_so():
    told = warned(converged=False, limits=("row 3", "biases"))
    assert "met its limit (row 3, biases)" in told and "met its limit" not in warned()


def test_a_fit_that_still_moves_is_called_so():
    assert "more iterations" in warned(plateau=Plateau(3.0, 0.1, False))
    assert "more iterations" not in warned()


def test_unused_rare_and_disagreeing_things_are_told():
    assert "State 3 is not used" in warned()
    assert "States 2 and 3 are not used" in " ".join(
        report_states.warnings(world.states_page(spare=2))
    )
    usage = world.states_page().usage
    rare = usage._replace(pooled=np.array([0.49, 0.5, 0.01, 0.0]))
    assert "State 2 is rare" in warned(usage=rare)
    assert "R̂ over seeds is 1.30" in warned(rhat=1.3) and "R̂" not in warned(rhat=1.01)


def test_the_size_of_the_stickiness_is_always_said():
    assert re.search(r"κ is 600, 0\.0\d+ of the 8\u202f970 frames", warned())


def test_states_that_last_too_long_or_too_short_are_told():
    long = world.lasting(20.0)
    assert "States last 60\u00a0s (median), but should last between" in warned(pooled=long)
    assert "should last between" not in warned(pooled=world.lasting(2.0))
    alike = world.curves().assign(markov_chance_lag_s=20.0)
    assert "no longer than Markov chains" in warned(information=alike)


def test_little_structure_and_a_model_that_forgets_are_told():
    assert "Little structure lasts beyond 12 s" in warned()
    assert "Only 75\u00a0% of the lags" in warned()
    assert "Only" not in warned(predicted=world.predicted()._replace(inside=0.95))


@pytest.mark.parametrize(
    "made",
    [
        world.states_page(1, 2, 1, spare=0),
        world.states_page(2, 2, 1),
        world.states_page(3, 5, 2, 1, biases=None, base=None, objective={}),
        world.states_page(
            predicted=None, note="Too few sweeps were kept.", information=None, courses=(),
            settings="", provenance={},
        ),
    ],
    ids=["one state", "one recording", "one sweep of own tables", "little known"],
)  # fmt: skip
def test_small_fits_have_a_page(made):
    text = check(report_states.states_page(made))
    assert made.predicted is not None or "Too few sweeps were kept." in text


def test_the_page_on_information_says_lags_and_numbers():
    made = InformationPage(
        world.curves(), "memory <1>", settings="lags: 12\n", provenance={"date": "today"}
    )
    text = check(report_states.information_page(made))
    said = {k: v for v, k in re.findall(r"<div><b>([^<]*)</b><span>([^<]*)</span>", text)}
    assert said["from here on recordings tell no more than chance"] == "16\u00a0s"
    assert said["the same of Markov chains"] == "3\u00a0s"
    assert text.count('<th scope="row">') == 12 + 1 and "memory &lt;1&gt;" in text


def test_one_recording_has_a_page_on_information():
    check(report_states.information_page(InformationPage(world.curves(1, interval=False))))
