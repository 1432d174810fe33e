import re
from html.parser import HTMLParser

import pytest

from gambol.viz import films, report

HOSTILE = ("<script>alert(1)</script>", "left \"ear' & $x^", "right </td></svg>")
VOID = {"meta", "img", "br", "hr"}


class Checked(HTMLParser):
    """Says which elements are open, which there were, and what they refer to."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.refers, self.words = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.refers += [v for k, v in attrs if k in ("src", "href", "xlink:href", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(params=[("nose", "left ear", "right ear"), HOSTILE], ids=["plain", "hostile"])
def whole(request, make_run, make_film):
    run = make_run(request.param)
    text = report.build(run, [films.describe(make_film(request.param))], run.metrics)
    return run, text, Checked(text)


def test_the_page_is_well_formed_and_has_no_script(whole):
    run, _, page = whole
    assert page.open == []
    assert "script" not in page.seen
    words = "".join(page.words)
    assert all(name in words for name in run.skeleton.keypoints)


def test_the_page_needs_no_other_file(whole):
    _, text, page = whole
    assert all(refers.startswith(("data:", "#")) for refers in page.refers)
    style = re.sub(r"data:[^\"]*", "", text)
    assert all(place.startswith("#") for place in re.findall(r"url\(([^)]*)\)", style))
    assert "@import" not in style and "http" not in style


def test_numbers_on_the_page_are_those_of_the_metrics(whole):
    run, text, _ = whole
    m = run.metrics
    low, high = m["intervals"]["median_px"]
    assert f"<b>{m['median_px']:.2f} px</b><span>median, {low:.2f} to {high:.2f} px" in text
    rows = re.findall(r'<tr><th scope="row">.*?</tr>', text)
    for name, values in m["keypoints"].items():
        median, n = f"<td>{values['median_px']:.2f}</td>", f"<td>{values['n']}</td>"
        assert any(median in row and n in row for row in rows), name


def test_a_mean_that_a_missing_keypoint_makes_infinite_is_a_dash(whole):
    run, text, _ = whole
    assert run.metrics["mean_px"] is None and "<b>– px</b>" in text
    assert "None" not in text and "nan" not in re.sub(r"base64,[^\"]*", "", text)


def test_the_worst_frame_comes_first_and_is_named(whole):
    run, _, page = whole
    words = "".join(page.words)
    first = re.search(r"\.mp4, frame (\d+): (.*?), confidence", words)
    assert first.group(1) == "3" and first.group(2).endswith("not found")


def test_says_how_many_frames_did_what_and_what_was_chosen(whole):
    _, text, _ = whole
    assert "52 labelled frames of 2 videos with 3 keypoints" in text
    assert "<b>scale 0.5</b>: it is &lt;large&gt;" in text and "<li>grey</li>" in text
    assert "Training ended: budget spent. The weights of step 200" in text


def test_a_run_without_log_or_choices_has_a_page(make_run):
    run = make_run()._replace(log=[], provenance={})
    assert Checked(report.build(run)).open == []


def test_says_how_far_learned_and_held_out_frames_are_apart(make_run):
    split = [("train", "a", 5, "x"), ("val", "a", 9, "x"), ("test", "b", 5, "x")]
    text = report.build(make_run()._replace(split=split))
    assert "frames held out are at least 4 frames apart" in text
    assert "No video was both" in report.build(make_run()._replace(split=split[::2]))


@pytest.mark.parametrize(
    "side, said", [(40, "Square: the 40 px"), (None, "All of the picture")]
)
def test_how_far_the_network_looks_is_drawn_and_said(make_run, side, said):
    run = make_run(("nose", "left ear", "right ear"))
    size = {"side": side, "radius": 10.0}
    run = run._replace(provenance={**run.provenance, "field_px": size})
    words = "".join(Checked(report.build(run)).words)
    assert "How far it looks" in words and said in words and "Circle: the 10 px" in words
