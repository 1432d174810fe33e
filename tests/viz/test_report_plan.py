from gambol.viz.figures_plan import Curve
from gambol.viz.report_plan import PlanPage, build


def test_the_page_says_what_follows_and_shows_every_curve_and_row():
    curve = Curve("Labels", "labelled frames", ("20", "40"), ((2.0, 1.0, 3.0),) * 2, 0, True)
    text = build(
        PlanPage(
            words="Simulated: one mouse.", numbers=[("20", "labelled frames, recommended")],
            sentences=["20 labelled frames are <enough>."], curves=[curve], goal=2.5,
            rows=[["Labels", "20 labelled frames", "2.00 mm", "90%"]],
            settings="goal: 2.5\n", provenance={"stage": "plan"},
        )
    )  # fmt: skip
    assert text.count("<svg") == 1 and "labelled frames" in text
    assert "20 labelled frames are &lt;enough&gt;." in text
    assert "Simulated: one mouse." in text and "goal: 2.5" in text and "2.00 mm" in text
    assert "cleaner than yours" in text
