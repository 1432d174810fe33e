import re

import numpy as np
import pytest
import state_examples as world
from state_examples import check

from gambol.viz import report_scan
from gambol.viz.report_scan import MatchPage


def test_the_page_has_its_parts_and_needs_no_other_file():
    made = world.scan_page(failed={"fits/abc": "LinAlgError: <no>"})
    text = check(report_scan.scan_page(made))
    for part in (
        "Scan of states: a &lt;scan&gt;", "five because", "How sticky", "How many states",
        "Do seeds agree?", "here against there", "The table of 18 fits", "kappas: [1]",
        "fits/abc failed: LinAlgError: &lt;no&gt;", "Usage by rank",
    ):  # fmt: skip
        assert part in text, part
    pictures = text.count('role="img"')
    assert pictures == 8 and text.count("<figcaption>") == pictures


def test_the_chosen_fit_is_marked_in_the_table_and_told_in_the_head():
    made = world.scan_page()
    text = report_scan.scan_page(made)
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', text)
    chosen = [re.findall("<td>(.*?)</td>", row) for name, row in rows if "chosen" in name]
    assert len(chosen) == 1 and chosen[0][:2] == ["5", "2"]
    said = {k: v for v, k in re.findall(r"<div><b>([^<]*)</b><span>([^<]*)</span>", text)}
    assert said["states"] == "5" and said["its seed"] == "2"
    assert said["κ, 0.222 of the frames"] == "2\u202f000"


def warned(**changed):
    return " ".join(report_scan.warnings(world.scan_page(**changed)))


def test_what_speaks_against_the_choice_is_told():
    fits = world.fits()
    lost = fits._replace(converged=np.arange(18) > 3, plateau=np.arange(18) > 0)
    told = warned(fits=lost)
    assert "4 of 18 fits did not converge" in told and "In 1 of 18 fits" in told
    assert "at an end of what was tried" in warned(kappa=8000.0)
    assert "at an end" not in warned()
    poor = {5: np.full((3, 3), 0.3) + 0.7 * np.eye(3)}
    assert "Seeds agree little (median adjusted Rand index 0.30)" in warned(alike=poor)
    assert "R̂ over seeds is 1.20" in warned(rhat=1.2)
    assert "κ is 2\u202f000, 0.222 of the 9\u202f000 frames" in warned()


@pytest.mark.parametrize(
    "changed",
    [
        {"fits": world.fits(()), "alike": {}, "among": (), "usages": {}, "chains": {},
         "run": -1, "matches": (), "information": None},
        {"fits": world.fits((500.0,), (3,), 1), "alike": {3: np.ones((1, 1))}, "among": (0,),
         "run": 0, "kappa": 500.0, "n_states": 3, "low_s": float("nan")},
        {"among": ()},
    ],
    ids=["nothing", "one fit", "unknown seeds"],
)  # fmt: skip
def test_small_scans_have_a_page(changed):
    check(report_scan.scan_page(world.scan_page(**changed)))


def test_two_sets_of_labels_have_a_page():
    text = check(report_scan.match_page(MatchPage(world.match(), "a & b")))
    assert "0.81" in text and "90\u00a0%" in text and "a &amp; b" in text
    assert "310 frames" not in text and f"{int(world.match().counts.sum())} frames" in text
