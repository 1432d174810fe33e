import numpy as np
import pytest
from rivals_drawn import NAMES, arms

from gambol.viz import report_bench
from gambol.viz.report_bench import BenchPage


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    """Leave out the search for margins, most of what a page costs."""
    engine = "matplotlib.layout_engine.ConstrainedLayoutEngine"
    monkeypatch.setattr(f"{engine}.execute", lambda self, figure: None)


def rows(known):
    made = []
    for arm in known:
        row = {
            "network": arm.name, "frames": arm.labels, "steps": 500, "core_minutes": 9.9,
            "parameters": 1234567, "gflops": 3.21, "field_px": 140.0, "effective_px": 33.0,
            "ms_1": arm.milliseconds, "ms_16": arm.milliseconds, "swap_rate": None,
        }  # fmt: skip
        for key in ("mean_px", "median_px", "p95_px", "pck05"):
            row |= {key: arm.mean[0], f"{key}_low": arm.mean[1], f"{key}_high": arm.mean[2]}
        away = [None if np.isnan(v) else v for v in arm.difference]
        ends = ("", "_low", "_high")
        made.append(
            row | {f"difference_mean_px{e}": v for e, v in zip(ends, away, strict=True)}
        )
    return made


def page(known, **changes):
    made = BenchPage("mice", known, rows(known), ["leap errs more."], 92, 4, 5,
                     "10 core-minutes", "openvino, one thread")  # fmt: skip
    return report_bench.build(made._replace(**changes))


def test_says_who_errs_least_and_how_all_did():
    text = page(arms(labels=(10.0, 40.0)))
    assert "least mean error: unet" in text and "10 core-minutes each" in text
    assert all(text.count(name) > 2 for name in NAMES)
    assert text.count("<svg") == 5 and "What more labels bring" in text
    assert ">swaps<" not in text  # nobody has sides here
    assert "Only" not in text  # 92 frames are some
    assert "1\u202f234\u202f567" in text


def test_a_network_that_sees_the_whole_picture_sees_all():
    known = arms(labels=(40.0,))
    some = rows(known)
    some[0]["field_px"] = None
    assert page(known, rows=some).count("<td>all</td>") == 1
    assert "<td>all</td>" not in page(known)


def test_one_number_of_labels_draws_no_line_of_labels():
    text = page(arms(labels=(40.0,)))
    assert text.count("<svg") == 4 and "What more labels bring" not in text


def test_warns_of_few_frames_and_of_what_failed():
    text = page(arms(labels=(40.0,)), frames=12, failed={"vit": "fold 2: <no weights>"})
    assert "Only 12 frames were tested" in text
    assert "vit was left out, as it failed: fold 2: &lt;no weights&gt;" in text
