import re

import numpy as np
import ring

from gambol.core.cameras import from_projection
from gambol.viz import rig_page
from gambol.viz.rig_page import Coverage, Finding, Residuals, Sd


def test_flagged_findings_stand_first_and_text_is_escaped():
    text = rig_page.findings(
        [
            Finding("fit", False, "All views are below 1 px."),
            Finding("repeated camera", True, "a <b> equals c.", ("a", "c")),
        ]
    )
    assert text.index("repeated camera (a, c)") < text.index("All views are")
    assert "a &lt;b&gt; equals c." in text and "1 check of 2" in text


def test_a_clean_rig_is_said_to_be_clean():
    text = rig_page.findings(
        [Finding("fit", False, "Fine."), Finding("coverage", False, "Fine.")]
    )
    assert "All 2 checks are passed" in text and "▲" not in text
    assert "No check was run" in rig_page.findings([])


def test_numbers_of_cameras_come_with_their_sd():
    rig = ring.rig(2)
    sd = {
        "cam0": Sd(0.002, np.array([1.0, 1.0]), np.array([3.0, 0, 4.0]), 0.05),
        "cam1": Sd(0.0, np.zeros(2), np.zeros(3), 0.0),
    }
    off = np.array([[3.0, 4.0], [0.0, 1.0]])
    found = {"cam0": Residuals(off, off, np.arange(2))}
    text = rig_page.cameras(rig, found, sd)
    assert "300.0 ± 0.6" in text and "300.0 (held)" in text and "159.5, 119.5 ± 1" in text
    cells = re.findall(r"<td>([^<]*)</td>", text)
    far = f"{np.hypot(500, 200):.1f}"
    at = cells.index(far)  # distance, position, direction, points, rms, median
    assert cells[at : at + 6] == [far, "5", "0.05", "2", f"{np.sqrt(13):.2f}", "3.00"]
    assert "held" in cells and "–" in cells


def test_an_affine_camera_has_a_scale_and_no_distance():
    from gambol.core.cameras import Rig

    flat = np.array([[3.0, 0, 0, 0], [0, 3.0, 0, 0], [0, 0, 0, 1]])
    text = rig_page.cameras(Rig((from_projection("tele", flat),)), {}, None)
    assert "3 px per unit" in text and "Units of the world: unknown" in text


def test_groups_of_views_that_nothing_joins_are_named():
    seen = Coverage(["a", "b", "c"], np.eye(3, dtype=int), np.array([0, 0, 1]))
    assert "2 groups that nothing joins: a, b | c." in rig_page.coverage(seen)
    joined = seen._replace(component=np.zeros(3, int))
    assert "All views are joined" in rig_page.coverage(joined)


def test_residuals_by_hand():
    off = np.array([[3.0, 4.0], [0.0, 1.0], [0.0, 0.0]])
    found = Residuals(off, off, np.arange(3))
    assert np.isclose(rig_page.rms(found), np.sqrt(26 / 3)) and rig_page.median(found) == 1.0
    none = Residuals(off[:0], off[:0], np.arange(0))
    assert np.isnan(rig_page.rms(none)) and "No residuals" in rig_page.residuals(
        ring.rig(2), {"cam0": none}
    )
