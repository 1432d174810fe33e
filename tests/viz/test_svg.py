import matplotlib as mpl

from gambol.viz import svg


@svg.styled
def picture(label):
    figure, (panel,) = svg.new(3, 2)
    panel.plot([1, 2], [3, 4])
    panel.set_title(label)
    svg.px_ticks(panel, "x", 0.4, 12.0)
    svg.guide(panel)
    return figure


def test_ink_is_the_colour_of_the_page_and_text_is_text():
    text = svg.to_svg(picture("a title"))
    assert text.startswith("<svg") and text.endswith("</svg>")
    assert "a title" in text and "currentColor" in text
    assert svg.INK not in text and "http" not in text


def test_names_are_neither_markup_nor_formulas():
    text = svg.to_svg(picture("<script>$x^2$ & more"))
    assert "<script>" not in text and "&lt;script&gt;$x^2$ &amp; more" in text


def test_pixel_axes_have_plain_numbers():
    panel = picture("").axes[0]
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["0.5", "1", "2", "5", "10"]


def test_the_same_figure_gives_the_same_text_and_settings_stay():
    before = dict(mpl.rcParams)
    assert svg.to_svg(picture("a")) == svg.to_svg(picture("a"))
    assert dict(mpl.rcParams) == before
