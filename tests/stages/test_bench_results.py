import json

import numpy as np
import pytest

from gambol.stages import bench_jobs, bench_results


def run(folder, steps, minutes, errors):
    folder.mkdir()
    log = [
        {"step": s, "minutes": 99.0, "val_px": e} for s, e in zip(steps, errors, strict=True)
    ]
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, log)))
    note = {"core_minutes": 3.0, "at": list(zip(steps, minutes, strict=True))}
    (folder / bench_jobs.NOTE).write_text(json.dumps(note))
    return folder


def test_a_curve_is_the_mean_over_folds_at_the_processors_minutes(tmp_path):
    one = run(tmp_path / "a", [2, 4, 6], [0.2, 0.4, 0.6], [9.0, 5.0, 3.0])
    other = run(tmp_path / "b", [2, 4], [0.4, 0.6], [7.0, 3.0])  # of fewer evaluations
    minutes, errors = bench_results.curve([one, other])
    assert minutes == pytest.approx([0.3, 0.5]) and errors == pytest.approx([8.0, 4.0])


def test_minutes_that_were_lost_with_a_kill_are_those_of_the_log(tmp_path):
    one = run(tmp_path / "a", [2, 4], [0.2, 0.4], [9.0, 5.0])
    (one / bench_jobs.NOTE).write_text(json.dumps({"core_minutes": 1.0, "at": [[4, 0.4]]}))
    assert bench_results.curve([one])[0] == pytest.approx([99.0, 0.4])


def test_reading_compares_at_the_most_labels():
    def row(name, frames, mean, low, ms):
        ends = {"difference_mean_px": low and 1.0, "difference_mean_px_low": low,
                "difference_mean_px_high": low and low + 1}  # fmt: skip
        return {"network": name, "frames": frames, "mean_px": mean, "ms_1": ms, **ends}

    told = bench_results._reading(
        [row("a", 10.0, 9.0, None, 3.0), row("a", 40.0, 2.0, None, 3.0),
         row("b", 10.0, 5.0, -4.5, 2.0), row("b", 40.0, 3.0, 0.5, 2.0)]
    )  # fmt: skip
    assert told[0].startswith("b errs 1.00 px more than a")
    assert "of a, 2.00 px; the quickest is b" in told[1]
    assert len(told) == 2


def test_frames_of_a_second_are_drawn_together(monkeypatch):
    class Some:
        video, frame = np.array([0, 0, 0, 1]), np.array([0, 9, 30, 0])

    monkeypatch.setattr(bench_results.train, "gaps", lambda labels, s: np.array([30, 30]))
    groups = bench_results._groups(Some)
    assert groups[0] == groups[1] and len(set(groups.tolist())) == 3
