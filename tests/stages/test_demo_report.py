"""The page and the lines of a demo, from numbers that are given."""

import numpy as np

from gambol.stages import demo_report
from gambol.stages.demo_behavior import LEVELS, Course

LEVEL = {
    "names": 5, "adjusted_rand": 0.2, "right": 0.61, "chance": 0.3, "in_films": 0.5,
    "median_s": 1.0,
}  # fmt: skip
SCORES = {
    "train": {"steps": 900.0},
    "predict": {"mean_px": None, "median_px": 1.74, "p95_px": 6.0, "oks_map": 0.4, "fps": None},
    "track": {"idf1": 0.91, "hota": 0.8, "id_switches": 2.0},
    "calibrate": {"corners_px": 0.12, "camera_mm": 0.9},
    "triangulate": {
        "mpe": 3.0,
        "median": 2.04,
        "mpe_rpa": 1.1,
        "coverage95": 0.93,
        "mpe_whoever": 2.5,
        "median_whoever": 2.04,
        "names_kept": 0.93,
    },
    **dict.fromkeys(LEVELS, LEVEL),
}


def test_every_stage_has_a_line_and_what_is_not_known_a_dash():
    told = dict(demo_report.sentences(SCORES))
    assert told["predict"] == "1.74 px median error, OKS mAP 0.40, – frames/s"
    assert told["track"] == "IDF1 0.910, 2 identity switches"
    assert "2.04 mm" in told["triangulate"] and "93%" in told["triangulate"]
    assert told["map"] == "61% of the frames named rightly (30% by chance)"


def test_the_page_tells_of_every_step_and_escapes_what_it_is_told(tmp_path):
    (tmp_path / "demo.yaml").write_text("quick: <b>\n")
    course = Course(np.array([0, 0, 1]), np.array([0, -1, 1]), ("rest", "walk"))
    films = {name: tmp_path / "films" / f"{name}.mp4" for name in ("pixels", "space")}
    page = demo_report.write(SCORES, dict.fromkeys(LEVELS, course), films, tmp_path)
    text = page.read_text()
    for said in ("films/pixels.mp4", "films/space.mp4", "2.0", "61%", "gambol syllables"):
        assert said in text
    assert "quick: &lt;b&gt;" in text and text.count("<svg") == 1
