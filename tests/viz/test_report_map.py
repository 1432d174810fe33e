import re

import numpy as np
import pytest

from gambol.viz import report_map
from gambol.viz.figures_states import Lasting
from gambol.viz.report_map import Amounts, Compared, Hills, MapPage, Order, Row, Speeds

LASTING = Lasting(np.array([0.5, 1.0]), np.array([0.5, 0.0]), np.array([0.5, 0.5, 1.0]), 9, 1)


@pytest.fixture
def page():
    axis = np.linspace(-1, 1, 21)
    x, y = np.meshgrid(axis, axis)
    density = np.exp(-8 * ((x - 0.5) ** 2 + y**2)) + np.exp(-8 * ((x + 0.5) ** 2 + y**2))
    label = np.where(x > 0, 1, 2) * (density > 0.05)
    rng = np.random.default_rng(0)
    edges = np.linspace(0, 3, 31)
    halves = np.full((2, 2), 1 / 2)
    modes = np.array([[1.0, 0.4], [1.0, 0.2]])
    return MapPage(
        name="mice", recordings=4, minutes=3.0, fps=50.0, on=0.95, masked={"paw_L": 0.05},
        sure=0.99, staying=0.8,
        hills=Hills(density, axis, label, np.array([[0.5, 0.0], [-0.5, 0.0]]), 0.1),
        spectra=rng.normal(size=(2, 2, 5)), frequencies=np.geomspace(1, 16, 5),
        parts=("paw_L", "paw_R"),
        rows=(
            Row(0.6, 30, 0.51, "paw_L", 4.0, 2.5, 123.0, 0.8),
            Row(0.4, 20, 0.4, "paw_R", 8.0, -0.2, 7.0, 0.3),
        ),
        unit="px", pairs=(("paw_L", "paw_R"),), contrast=np.array([[0.5], [-0.1]]),
        amounts=Amounts(np.array([1, 5, 2]), np.arange(4.0), np.nan, False),
        speeds=Speeds(
            rng.integers(1, 9, 30), edges,
            (np.array([0.7, 0.3]), np.array([1.0, 2.0]), np.array([0.3, 0.3])),
            (20.0, 40.0), 0.5,
        ),
        each=(LASTING, LASTING), pooled=LASTING,
        order=Order(
            halves, 1, np.array([1, 0]), (np.array([0, 1]),), 1.0, np.array([1, 2]), modes,
            modes, modes[None],
        ),
        usage=np.array([[0.6, 0.3], [0.5, 0.4], [0.1, 0.8], [0.2, 0.7]]),
        groups=("wild", "wild", "knockout", "knockout"), compared=(),
        windows=((15.0, np.array([0, 0, 0, 1, 1]), halves),), stability="Regions agree.",
        rand=0.62, remarks=("<Mind> this.",), settings="perplexity: 32\n",
        provenance={"stage": "fit-map"},
    )  # fmt: skip


def test_a_page_says_all_of_it_and_needs_nothing_but_itself(page):
    text = report_map.map_page(page)
    assert text.count("<svg") == 8
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "&lt;Mind&gt; this." in text
    for said in ("0.62", "Regions agree.", "Windows of 15", "perplexity: 32", "123"):
        assert said in text
    plain = re.sub(r"<[^>]+>", " ", text).replace("\u00a0", " ")
    assert re.search(r"1\s+60 %\s+30\s+0\.51 s\s+paw_L\s+4 Hz\s+2\.5\s+123\s+0\.8", plain)
    assert re.search(r"2\s+40 %\s+20\s+0\.4 s\s+little moves\s+–\s+-0\.2", plain)
    assert "paw_L (0.50)" in plain and "paw_R (0.10)" not in plain


def test_groups_and_what_was_not_measured(page):
    axis = page.hills.axis[::2]
    field = np.subtract.outer(axis, axis)
    one = Compared(("knockout", "wild"), field, axis, field > 1, "all of 6", [(2, 0.5, 0.03)])
    text = report_map.map_page(page._replace(compared=[one], order=None, pairs=(), windows=()))
    assert "Where knockout and wild differ" in text and "+50 %" in text
    for gone in ("What follows what", "Left and right", "Longer times"):
        assert gone not in text
    rows = tuple(row._replace(found=np.nan, animal_speed=np.nan) for row in page.rows)
    bare = report_map.map_page(page._replace(rows=rows, rand=np.nan))
    assert "found again" not in bare and "animal, px/s" not in bare and "ARI" not in bare


def test_what_a_reader_must_not_miss_is_said_first(page):
    assert report_map.warnings(page) == ["Regions agree.", "<Mind> this."]
    few = tuple(row._replace(stays=1) for row in page.rows)
    told = report_map.warnings(
        page._replace(
            rows=few, on=0.6, masked={"paw_L": 0.05, "paw_R": 0.35}, recordings=1,
            speeds=page.speeds._replace(depth=1.0),
        )
    )  # fmt: skip
    assert "2 of the 2 regions have fewer than 3 stays" in told[1]
    assert "most often paw_R (35" in told[2] and "paw_L" not in told[2]
    assert "one mode" in told[3] and "one recording" in told[4]
