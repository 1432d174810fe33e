"""HTML in which every text is escaped that is not already HTML, and pictures are inside."""

import base64
import html
from collections.abc import Iterable, Sequence
from string import Template

import cv2
import numpy as np
from jaxtyping import UInt8

_VOID = ("img", "br", "hr", "meta")


class Markup(str):
    """Text that is HTML already; plain `str` is not, and is escaped where it meets HTML."""

    __slots__ = ()


def el(name: str, *children: str, **attributes: str) -> Markup:
    """Return an element; `class_` means class.

    >>> el("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    given = "".join(
        f' {key.rstrip("_")}="{html.escape(value)}"' for key, value in attributes.items()
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """Put pieces together, escaping those that are plain text."""
    return Markup("".join(p if isinstance(p, Markup) else html.escape(p) for p in parts))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Return a table; the first column names the row."""
    top = el("tr", *(el("th", cell, scope="col") for cell in head))
    body = [
        el("tr", el("th", row[0], scope="row"), *(el("td", cell) for cell in row[1:]))
        for row in rows
    ]
    made = el("table", el("thead", top), el("tbody", *body))
    return el("div", made, class_="table")


def section(title: str, *content: str) -> Markup:
    """Return a part of the page under its heading."""
    return el("section", el("h2", title), *content)


def figure(picture: str, caption: str) -> Markup:
    """Return a picture (an SVG element or an image) with what it shows below."""
    return el("figure", Markup(picture), el("figcaption", caption))


def image(rgb: UInt8[np.ndarray, "H W 3"], alt: str, quality: int = 88) -> Markup:
    """Return a picture whose bytes are in the page itself, as JPEG."""
    settings = [int(cv2.IMWRITE_JPEG_QUALITY), quality]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), settings)
    source = "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
    height, width = rgb.shape[:2]
    return el("img", src=source, alt=alt, width=str(width), height=str(height))


def page(title: str, *content: str) -> str:
    """Return a whole page that needs nothing but itself."""
    parts = {"title": html.escape(title), "style": _CSS, "body": join(content)}
    return _PAGE.substitute(parts)


_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")

_CSS = """
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #5d6570; --paper: #ffffff;
  --line: #d9dde2; --wash: #f4f6f8; --accent: #2369a8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ec; --soft: #a2abb6;
  --paper: #15181c; --line: #353b43; --wash: #1e2228; --accent: #6fb1ea; } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --paper: #fff;
  --line: #bbb; --wash: #fff; --accent: #134d80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 54rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; overflow-wrap: anywhere; }
section { margin-top: 2.2rem; padding-top: 1.2rem; border-top: 1px solid var(--line); }
p { margin: .5rem 0; max-width: 44rem; }
a { color: var(--accent); }
ul { padding-left: 1.2rem; margin: .5rem 0; }
li { margin: .25rem 0; }
.soft, figcaption { color: var(--soft); font-size: .875rem; }
.lead { font-size: 1.08rem; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.2rem, 1fr));
  gap: .7rem; margin: 1.2rem 0 .6rem; padding: 0; }
.numbers div { background: var(--wash); border: 1px solid var(--line); border-radius: 6px;
  padding: .6rem .8rem; }
.numbers b { display: block; font-size: 1.45rem; line-height: 1.25; font-weight: 650;
  font-variant-numeric: tabular-nums; }
.numbers span { display: block; color: var(--soft); font-size: .82rem; line-height: 1.35; }
.table { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .9rem .28rem 0; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; font-weight: 500; overflow-wrap: anywhere; min-width: 5rem; }
thead th { color: var(--soft); font-weight: 500; }
thead th:first-child { overflow-wrap: normal; }
td small { color: var(--soft); white-space: nowrap; }
.plain td, .plain th { text-align: left; overflow-wrap: anywhere; }
.plain thead th { overflow-wrap: normal; }
.plain tbody th { white-space: nowrap; }
.scores td, .scores th { text-align: left; } .scores td:nth-child(-n+3) { white-space: nowrap; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .9rem; }
.swatch { display: inline-block; width: .7em; height: .7em; border-radius: 50%;
  margin-right: .5em; }
figure { margin: 1rem 0; }
figure svg { display: block; width: 100%; height: auto; color: var(--ink); }
figure video { display: block; max-width: 100%; height: auto; border-radius: 4px; }
figure img { display: block; max-width: 100%; height: auto; border-radius: 4px; }
.frames { display: grid; grid-template-columns: repeat(3, 1fr); gap: .8rem; }
.frames figure { margin: 0; }
.frames img { width: 100%; }
@media (max-width: 40rem) { .frames { grid-template-columns: repeat(2, 1fr); } }
details { margin: .8rem 0; }
summary { cursor: pointer; color: var(--accent); }
pre { background: var(--wash); border: 1px solid var(--line); border-radius: 6px;
  padding: .8rem; font-size: .78rem; line-height: 1.4; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; }
@media print { body { font-size: 10.5pt; } main { max-width: none; padding: 0; }
  figure, .table, .numbers div { break-inside: avoid; } h2, h3 { break-after: avoid; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""
