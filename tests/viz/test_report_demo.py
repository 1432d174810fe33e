"""The parts of the demo's page."""

import numpy as np

from gambol.viz import report_demo
from gambol.viz.html import Markup
from gambol.viz.report_demo import Step, Strip


def test_a_step_shows_what_it_has_and_nothing_else():
    bare = Step("Do <it>", "So.", ("gambol x",), ())
    page = report_demo.build("All.", [bare], Markup("<i>end</i>"))
    assert "Do &lt;it&gt;" in page and "<video" not in page and "More:" not in page
    assert page.index("gambol x") < page.index("<i>end</i>")
    full = bare._replace(
        numbers=(("3", "mm"),),
        pages=(("a", "a.html"), ("b", "b.html")),
        film=("f.mp4", "A film."),
    )
    page = report_demo.build("All.", [full], Markup(""))
    assert '<a href="a.html">a</a>, <a href="b.html">b</a>.' in page
    assert 'src="f.mp4"' in page and "A film." in page and "<b>3</b>" in page


def test_strips_name_what_is_shown_and_no_more():
    names = ("rest", "walk", "never")
    true, found = np.repeat([0, 1], 30), np.repeat([0, -1, 1], 20)
    drawn = report_demo.strips([(Strip("true", true, names), Strip("map", found, names))], 30.0)
    for said in ("true", "map", "rest", "walk", "seconds"):
        assert f">{said}<" in drawn
    assert ">never<" not in drawn
