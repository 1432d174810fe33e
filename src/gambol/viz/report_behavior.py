"""The page about behaviour: labels with their looks, tables, order and groups, and budgets.

Stages collect what is here; a page holds a part for every source, whichever kinds these are.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from gambol.viz import figures_fingerprints, figures_syllables, figures_trajectories
from gambol.viz.figures_syllables import Graph, Named
from gambol.viz.figures_trajectories import Moves
from gambol.viz.html import Markup, el, join, page, section, table
from gambol.viz.report_parts import drawn, folded, number, origin, percent, remarks, time
from gambol.viz.trajectory_player import player, support

_WORDS = 20  # of labels that a table shows
_TESTED = 15  # rows of a table of tests


class TreePart(NamedTuple):
    """Which labels are alike."""

    linkage: Float[np.ndarray, "joins 4"]
    distance: Float[np.ndarray, "K K"]
    labels: Named
    said: str  # what distance is
    cut: float | None
    groups: tuple[str, ...]  # names of labels that join below the cut, a text a group


class GroupsPart(NamedTuple):
    """How groups of animals differ."""

    tests: Sequence[tuple[str, str, pd.DataFrame]]  # title, sentence, a row a measure
    told: Sequence[tuple[str, str, Int[np.ndarray, "G G"], float, Float[np.ndarray, " B"]]]
    # classifiers: title, sentence, animals told, balanced accuracy, those of permuted labels
    shares: Mapping[str, Float[np.ndarray, "M _"]]  # fingerprints, by scalar; may be empty
    edges: Mapping[str, Float[np.ndarray, " _"]]
    level: Int[np.ndarray, " M"]
    levels: tuple[str, ...]
    animals: tuple[str, ...]
    by_group: pd.DataFrame
    by_animal: pd.DataFrame


class LabelsPart(NamedTuple):
    """Labels of one source; K of them are shown, the most used first."""

    title: str
    kind: str  # what a label is: syllable, state, region, behaviour
    numbers: Sequence[tuple[str, str]]  # value, and what it is
    labels: Mapping[int, tuple[str, str]]  # name and colour of the K, by number
    notes: Mapping[int, str]
    table: pd.DataFrame  # a row each of the K, as `syllable_table` has it
    order: Named  # the K, neighbours alike or much used first
    bigrams: Float[np.ndarray, "K K"]  # in that order
    words: pd.DataFrame  # n-grams
    graphs: Sequence[Graph]  # all animals, then the groups if any; nodes in that order
    place: Float[np.ndarray, "K 2"]
    moves: Moves | None
    tree: TreePart | None
    groups: GroupsPart | None
    films: Sequence[tuple[str, str]]  # name and address
    remarks: tuple[str, ...]


class BudgetPart(NamedTuple):
    """Behaviours that may overlap, in recordings."""

    title: str
    numbers: Sequence[tuple[str, str]]
    table: pd.DataFrame  # a row a subject of a recording and label
    tests: Sequence[tuple[str, str, pd.DataFrame]]
    films: Sequence[tuple[str, str]]
    remarks: tuple[str, ...]


def behavior_page(
    title: str,
    parts: Sequence[LabelsPart | BudgetPart],
    more: Sequence[Markup] = (),
    settings: str = "",
    provenance: Mapping[str, object] | None = None,
) -> str:
    """Return the whole page, which needs nothing but itself.

    Args:
        title: of the page.
        parts: of every source.
        more: sections of other kinds, which come after these.
        settings: YAML.
        provenance: of the page.
    """
    told = list(dict.fromkeys(sentence for part in parts for sentence in part.remarks))
    content: list[str] = [el("h1", title), *remarks(told)]
    for part in parts:
        content += labels(part) if isinstance(part, LabelsPart) else budget(part)
    content += [*more, *origin(settings, dict(provenance or {}))]
    moving = any(isinstance(part, LabelsPart) and part.moves is not None for part in parts)
    return page(title, *content, *([support()] if moving else []))


def labels(part: LabelsPart) -> list[Markup]:
    """Return the sections about labels that exclude each other."""
    said = f"{part.title}: {part.kind}s"
    made = [section(said, head_numbers(part.numbers), _table(part), *_films(part.films))]
    if part.moves is not None and part.moves.names:
        made.append(_looks(part))
    if part.tree is not None:
        made.append(_alike(part.tree, part.kind))
    if len(part.order.names) > 1:
        made.append(_order(part))
    if part.groups is not None:
        made += _groups(part, part.groups)
    return made


def budget(part: BudgetPart) -> list[Markup]:
    """Return the sections about behaviours of an ethogram."""
    rows = []
    grouped = part.table.groupby("label", sort=True)
    for label, own in grouped:
        rows.append(
            [str(label), str(int(own["bouts"].sum())), percent(float(own["share"].mean())),
             number(float(own["rate_per_min"].mean())), time(_mean_bout(own)),
             time(float(own["latency_s"].median()))]
        )  # fmt: skip
    columns = ("behaviour", "bouts", "of the time", "bouts a minute", "mean bout",
               "first after (median)")  # fmt: skip
    each = [
        [f"{row['recording']} {row['subject']}".strip(), row["label"], str(row["bouts"]),
         time(row["total_s"]), percent(row["share"])]
        for row in part.table.to_dict("records")
    ]  # fmt: skip
    whole = table(("recording", "behaviour", "bouts", "total", "of the time"), each)
    made = [
        section(
            part.title,
            head_numbers(part.numbers),
            table(columns, rows),
            folded("Every recording", whole),
            *_films(part.films),
        )
    ]
    return made + [_test(*test) for test in part.tests]


def head_numbers(numbers: Sequence[tuple[str, str]]) -> Markup:
    """Return boxes of numbers with what they are."""
    boxes = [el("div", el("b", value), el("span", text)) for value, text in numbers]
    return el("div", *boxes, class_="numbers")


def _mean_bout(own: pd.DataFrame) -> float:
    bouts = float(own["bouts"].sum())
    return float(own["total_s"].sum()) / bouts if bouts else float("nan")


def _chip(colour: str, name: str) -> Markup:
    return join([el("span", "", class_="swatch", style=f"background:{colour}"), name])


def _table(part: LabelsPart) -> Markup:
    """A row a label."""
    known = {"id", "label", "usage", "usage_low", "usage_high", "of_bouts", "onsets", "per_min"}
    scalars = [
        key for key in part.table.columns if key not in known | {"duration_s", "median_s"}
    ]
    noted = any(part.notes.values())
    columns = (part.kind, "of the frames", "95 %", "of the bouts", "onsets a minute", "median",
               *scalars, *(("notes",) if noted else ()))  # fmt: skip
    rows = []
    for row in part.table.to_dict("records"):
        name, colour = part.labels[int(row["id"])]
        rows.append(
            [_chip(colour, name), percent(row["usage"]),
             _span(row["usage_low"], row["usage_high"]), percent(row["of_bouts"]),
             number(row["per_min"]), time(row["median_s"]),
             *(_plain(row[key], part.table[key]) for key in scalars),
             *((part.notes.get(int(row["id"]), ""),) if noted else ())]
        )  # fmt: skip
    return table(columns, rows)


def _span(low: float, high: float) -> str:
    """Say an interval of a share without a break."""
    if not np.isfinite(low):
        return "–"
    return f"{100 * low:.2g}\u2060–\u2060{100 * high:.2g}\u00a0%"


def _plain(value: float, column: "pd.Series[float]") -> str:
    """Say a number with as many decimals as the largest of its column needs."""
    most = float(np.nanmax(np.abs(column.to_numpy(np.float64)), initial=0.0))
    if not np.isfinite(value) or most == 0.0:
        return number(value)
    decimals = int(np.clip(2 - np.floor(np.log10(most)), 0, 6))
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def _narrow(picture: Figure, said: str) -> Markup:
    """Return a figure that is not as wide as the page."""
    return el("div", drawn(picture, said), style="max-width: 36rem")


def _films(films: Sequence[tuple[str, str]]) -> list[Markup]:
    if not films:
        return []
    links = [el("li", el("a", name, href=address)) for name, address in films]
    title = f"{len(films)} movies" if len(films) > 1 else "1 movie"
    return [folded(title, el("ul", *links))]


def _looks(part: LabelsPart) -> Markup:
    """What labels look like: moving, and still for print and for those who cannot see it."""
    moves = part.moves
    assert moves is not None
    deep = moves.median.shape[-1] == 3
    turned = [el("span", " Drag to turn the animals.", class_="scripted")] if deep else []
    words = (
        f"The median of the most typical instances of each {part.kind}, seen from where the "
        "animal was at the onset; ahead is to the right. Grey is before the onset. All tiles "
        f"have one scale. A rhythm without a fixed phase is flat in a median."
    )
    still = drawn(
        figures_trajectories.trajectories(moves),
        f"The same at a glance: poses from {moves.lag_s[0]:.2g} s to {moves.lag_s[-1]:.2g} s, "
        "stronger as time goes on.",
    )
    title = f"What {part.kind}s look like"
    return section(title, el("p", words, *turned, class_="soft"), player(moves), still)


def _alike(tree: TreePart, kind: str) -> Markup:
    caption = (
        "Labels that join far on the right are alike. Orange joins lie below the cut: such "
        "labels differ little more than two halves of the instances of one label do."
    )
    picture = figures_syllables.dendrogram(
        tree.linkage, tree.distance, tree.labels, tree.said, tree.cut
    )
    found = [el("li", words) for words in tree.groups]
    ask = "Worth a look at their movies, and perhaps label-map merge:"
    more = [el("p", ask), el("ul", *found)] if found else []
    return section(f"Which {kind}s are alike", drawn(picture, caption), *more)


def _order(part: LabelsPart) -> Markup:
    """What follows what."""
    matrix = figures_syllables.bigrams(part.bigrams, part.order, "% of what comes next")
    graph = figures_syllables.graphs(part.graphs[:1], part.place, part.order)
    made = [
        _narrow(graph, "What follows what: discs are usage, arrows the chance of the next, the "
                     "strongest three a disc; what follows each other is near."),
        folded("The whole matrix", _narrow(matrix, "Row: now. Column: next. A label never "
                                                 "follows itself.")),
    ]  # fmt: skip
    if len(part.words):
        rows = [
            [str(row["word"]), str(row["count"]), number(row["ratio"]), str(row["recordings"])]
            for row in part.words.head(_WORDS).to_dict("records")
        ]
        columns = ("sequence", "times", "over what pairs foretell", "recordings")
        made.append(folded("Frequent sequences", table(columns, rows)))
    return section("What follows what", *made)


def _groups(part: LabelsPart, groups: GroupsPart) -> list[Markup]:
    """How groups of animals differ."""
    scalars = [key for key in groups.by_group.columns if f"{key} (sd)" in groups.by_group]
    shown = [key for key in ("usage", "duration_s", *scalars[4:6]) if key in scalars]
    parts = [
        drawn(
            figures_fingerprints.table(groups.by_group, groups.by_animal, shown, part.labels),
            "Means of groups; small dots are animals.",
        )
    ]
    if len(part.graphs) > 1:
        count = len(part.graphs) - 1
        pairs = [(i, j) for i in range(count) for j in range(i + 1, count)][:3]
        picture = figures_syllables.graphs(part.graphs[1:], part.place, part.order, pairs)
        parts.append(drawn(picture, "Groups in one layout, and their differences: orange is "
                                    "more in the first named, blue is less."))  # fmt: skip
        cells = figures_syllables.bigram_groups(
            part.graphs[1:], part.order, "row: now, column: next", pairs
        )
        parts.append(folded("The same as matrices", drawn(cells, "Chance of the next label.")))
    if groups.shares:
        picture = figures_fingerprints.fingerprint(
            groups.shares,
            groups.edges,
            groups.level,
            groups.levels,
            groups.animals,
            [name for name, _ in part.labels.values()],
        )
        parts.append(drawn(picture, "Fingerprints: a row an animal, the darker the longer it "
                                    "was so fast, turned so much, was so long."))  # fmt: skip
    made = [section("Groups of animals", *parts)]
    for title, sentence, confusion, accuracy, null in groups.told:
        picture = figures_fingerprints.classified(confusion, groups.levels, accuracy, null)
        words = "Each animal told by a model of the others."
        made.append(section(title, el("p", sentence), drawn(picture, words)))
    return made + [_test(*test) for test in groups.tests]


def _test(title: str, sentence: str, found: pd.DataFrame) -> Markup:
    """A table of tests, the smallest q first."""
    order = found.sort_values("q", kind="stable").head(_TESTED)
    means = [key for key in found.columns if str(key).startswith("mean ")]
    rows = [
        [_name(index), number(row["q"]), number(row["p"]), *(number(row[m]) for m in means)]
        for index, row in zip(order.index, order.to_dict("records"), strict=True)
    ]
    columns = ("", "q (corrected)", "p", *means)
    return section(title, el("p", sentence), table(columns, rows))


def _name(index: object) -> str:
    return " › ".join(map(str, index)) if isinstance(index, tuple) else str(index)
