"""Whose labels a file holds, where it does not say it itself."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gambol.core.ethogram import Ethogram, join, overlapping


def names(sources: Sequence[Path]) -> list[str]:
    """Return the rater of each file: its name, or its folder where files are named alike.

    >>> names([Path("anna.boris"), Path("ben.boris")])
    ['anna', 'ben']
    >>> names([Path("anna/day1.csv"), Path("ben/day1.csv")])
    ['anna', 'ben']
    """
    stems = [path.stem for path in sources]
    return stems if len(set(stems)) == len(stems) else [path.parent.name for path in sources]


def joined(sources: Sequence[Path], parts: Sequence[Ethogram]) -> Ethogram:
    """Put labels of files together; raters of the same recordings get the names of files.

    Files that do not name their raters are of several people where bouts of one label
    overlap; else they are parts of what one person saw.
    """
    nobody = [one.bouts[one.bouts["annotator"] == ""] for one in parts]
    about = [set(zip(rows["recording"], rows["label"], strict=True)) for rows in nobody]
    pairs = [(i, j) for i in range(len(parts)) for j in range(i) if about[i] & about[j]]
    if any(len(overlapping(pd.concat([nobody[i], nobody[j]]))) for i, j in pairs):
        several = sorted({i for pair in pairs for i in pair})
        told = dict(zip(several, names([sources[i] for i in several]), strict=True))
    else:
        told = {}
    made = []
    for i, one in enumerate(parts):
        whose = one.bouts["annotator"]
        whose = whose.where(whose != "", told.get(i, ""))
        made.append(one._replace(bouts=one.bouts.assign(annotator=whose)))
    return made[0] if len(made) == 1 else join(made)
