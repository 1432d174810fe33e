from gambol.viz import project


def test_runs_stand_side_by_side_with_links_that_work():
    metrics = {"mean_px": 2.345, "intervals": {"mean_px": [2.1, None]}, "pck": {"0.05": 0.5}}
    row = project.Row("a <b>", "runs/a <b>/report.html", metrics, {}, 40)
    text = project.build("mice", [row])
    assert '<a href="runs/a%20%3Cb%3E/report.html">a &lt;b&gt;</a>' in text
    assert "<td>2.35</td>" in text or "<td>2.34</td>" in text
    assert "<td>40 frames</td>" in text and "2.10 to –" in text


def test_a_project_without_runs_says_so():
    assert "no finished training run yet" in project.build("mice", [])


def test_runs_of_several_animals_say_how_well_those_are_found():
    metrics = {"mean_px": None, "animals": {"oks_map": 0.8125}}
    rows = [
        project.Row(name, name, values, {}, 4) for name, values in (("a", metrics), ("b", {}))
    ]
    text = project.build("flies", rows)
    assert "OKS mAP" in text and "<td>0.812</td>" in text
    assert "OKS mAP" not in project.build("mice", rows[1:])
