import base64
import re

import cv2
import numpy as np

from gambol.viz.html import Markup, el, figure, image, join, page, section, table


def test_text_is_escaped_once_and_markup_never():
    assert join(["a<b", Markup("<i>c</i>")]) == "a&lt;b<i>c</i>"
    assert el("p", el("b", "&")) == "<p><b>&amp;</b></p>"
    assert el("a", "x", href='"><script>') == '<a href="&quot;&gt;&lt;script&gt;">x</a>'


def test_a_table_names_its_rows_and_columns():
    made = table(("what", "how many"), [("<b>", "2")])
    assert '<th scope="col">how many</th>' in made
    assert '<th scope="row">&lt;b&gt;</th><td>2</td>' in made


def test_a_picture_is_inside_the_page():
    rgb = np.zeros((20, 30, 3), np.uint8)
    rgb[:, :15] = (200, 30, 60)
    data = re.search(r"base64,([^\"]+)", image(rgb, "a picture")).group(1)
    bytes_ = np.frombuffer(base64.b64decode(data), np.uint8)
    back = cv2.cvtColor(cv2.imdecode(bytes_, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.abs(back[5, 5].astype(int) - (200, 30, 60)).max() < 20
    assert back.shape == rgb.shape


def test_a_page_escapes_its_title_and_keeps_its_parts():
    whole = page("a < b", section("one", figure("<svg></svg>", "what & why")))
    assert "<title>a &lt; b</title>" in whole
    assert "<figure><svg></svg><figcaption>what &amp; why</figcaption></figure>" in whole
