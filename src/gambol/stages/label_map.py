"""Stage `label-map`: what a person decides about the labels of a run, and what comes of it.

reads   run                  a run of syllables, states or a map, or a folder of labels
writes  run/label_map.json   the decisions; undo and redo move their end
        out                  proposals to approve (suggest, follow), or an ethogram (export)
"""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from gambol.behavior import (
    dendrogram,
    label_follow,
    label_map,
    label_undo,
    sequences,
    trajectories,
)
from gambol.behavior import ethogram as of_sequences
from gambol.behavior.align import AlignSettings
from gambol.behavior.dendrogram import Metric, Tree
from gambol.behavior.label_follow import Proposed
from gambol.behavior.label_map import Applied
from gambol.behavior.trajectories import TrajectorySettings
from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.core.label_map import KINDS, REMEMBERED, Decision, LabelMap
from gambol.core.sequences import recording
from gambol.io import ethogram as io_ethogram
from gambol.io import label_map as io_map
from gambol.io import state_courses, store
from gambol.stages import label_runs
from gambol.stages.label_runs import Run

ACTIONS = ("show", *KINDS, "undo", "redo", "suggest", "follow", "approve", "export")
RARE, FEW = 0.005, 6  # usage below which labels are summed up, if more than so many
_YES = {"yes", "y", "1", "true", "x"}
_TYPES = {"labels": str, "value": str, "recording": str, "approve": str}


class LabelMapConfig(Config):
    """Settings of the stage."""

    author: str = ""  # who decides; empty: the name of the account
    label: str = "syllable"  # column, dataset or variable of the labels
    fps: float | None = Field(default=None, gt=0)  # where the files do not say it
    metric: Metric = "trajectory"  # by which labels are alike, for suggestions
    cut: float | None = Field(default=None, gt=0)
    # height below which a merge is suggested; null: twice what halves of one label differ by
    anterior: tuple[str, ...] = ()  # keypoints of the head, where a run says no headings
    posterior: tuple[str, ...] = ()  # keypoints of the rear
    trajectories: TrajectorySettings = TrajectorySettings()


class Asked(NamedTuple):
    """How a page asks: one request happens once, and undo is of the author's own decisions."""

    id: str = ""  # of the request; empty: the command line
    force: bool = False  # also take back what others decided about the same labels since


class Told(NamedTuple):
    """Labels after an action, and what it made."""

    file: Path
    end: int  # decisions in effect
    decisions: int  # of so many that are kept
    labels: list[dict[str, Any]]  # id, name, usage, …, the most used first
    made: tuple[Path, ...]
    said: tuple[str, ...]


def run(
    cfg: LabelMapConfig,
    source: Path,
    action: str = "show",
    words: Sequence[str] = (),
    *,
    out: Path | None = None,
    poses: Sequence[Path] = (),
    asked: Asked | None = None,
) -> Told:
    """Do one action and say what the labels are then.

    Args:
        cfg: settings.
        source: a run or a folder of labels.
        action: one of `ACTIONS`.
        words: what it is about: labels by name or number, then a name, a colour, a note.
        out: file for proposals or an ethogram.
        poses: pose files, if a run does not name them.
        asked: of a page; None: by the command line.

    Raises:
        label_undo.Overtaken: others decided since about what a page takes back.
    """
    if action not in ACTIONS:
        hint = did_you_mean(action, ACTIONS) or f"; there are {', '.join(ACTIONS)}"
        raise InputError(f"there is no action {action!r}{hint}")
    known = label_runs.read(source, cfg.fps, cfg.label)
    made: tuple[Path, ...] = ()
    said: tuple[str, ...] = ()
    if action in (*KINDS, "undo", "redo", "approve"):
        changed, said = _changed(cfg, known, action, list(words), asked)
        known = known._replace(
            label_map=changed, applied=label_map.apply(changed, known.sequences)
        )
    elif action == "suggest":
        made, said = _suggested(cfg, known, _path(out, source), poses)
    elif action == "follow":
        made, said = _followed(cfg, known, words, _path(out, source))
    elif action == "export":
        made = _exported(known, out, cfg)
    held = known.label_map
    return Told(known.map_path, held.end, len(held.decisions), table(known), made, said)


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what the labels are."""
    undone, end = values["decisions"] - values["end"], values["end"]
    tail = f", {undone} undone" if undone else ""
    rows = [f"{values['file']}: {end} decision{'' if end == 1 else 's'} in effect{tail}"]
    rows += [] if values["made"] else _listed(values["labels"])
    rows += [f"wrote {path}" for path in values["made"]]
    return "\n".join([*rows, *values["said"]])


def _listed(labels: Sequence[dict[str, Any]]) -> list[str]:
    """Return a line a label; rare ones about which nothing is decided are summed up."""
    rows: list[str] = []
    rare = [row for row in labels if 0 < row["usage"] < RARE and not row["decided"]]
    rare = rare if len(rare) > FEW else []
    for row in labels:
        if row in rare or (row["usage"] <= 0 and not row["decided"]):
            continue
        parts = [f"{row['name']:>20}", f"{100 * row['usage']:6.2f} %"]
        own = [f"id {row['id']}"] if row["name"] != str(row["id"]) else []
        if len(row["members"]) > 1:
            own.append("of " + ", ".join(map(str, row["members"])))
        own += [row["colour"]] if row["colour"] else []
        own += ["excluded"] if row["excluded"] else []
        own += [f"“{note}”" for note in row["notes"]]
        rows.append("  ".join([*parts, "; ".join(own)]).rstrip())
    if rare:
        share, few = 100 * sum(row["usage"] for row in rare), [row["name"] for row in rare]
        said = f"{len(rare)} labels: {', '.join(few[:FEW])}, …"
        rows.append(f"{'rarer ones':>20}  {share:6.2f} %  {said}")
    return rows


def _changed(
    cfg: LabelMapConfig, known: Run, action: str, words: list[str], asked: Asked | None
) -> tuple[LabelMap, tuple[str, ...]]:
    """Change the map on disk; what it holds by now counts, not what was read before."""
    said: list[str] = []

    def change(held: LabelMap | None) -> LabelMap:
        now = known.label_map._replace(decisions=(), end=0, ids=()) if held is None else held
        if asked is None:
            return once(now)
        if asked.id in now.ids:
            return now
        own = _author(cfg)
        if action == "undo":
            made = label_undo.undo(now, own, asked.force)
        else:
            made = label_undo.redo(now, own) if action == "redo" else once(now)
        return made._replace(ids=(*now.ids, asked.id)[-REMEMBERED:] if asked.id else now.ids)

    def once(now: LabelMap) -> LabelMap:
        if action in ("undo", "redo"):
            count = _count(words, action)
            made = (label_map.undo if action == "undo" else label_map.redo)(now, count)
            moved = abs(made.end - now.end)
            word = {"undo": "undone", "redo": "redone"}[action]
            said.append(f"{moved} decision{'' if moved == 1 else 's'} {word}")
            return made
        if action == "approve":
            return _approved(cfg, known, now, words, said)
        decision = _decision(cfg, known, now, action, words)
        _require_label(known, decision)
        return label_map.decide(now, decision)

    return io_map.edit(known.map_path, change), tuple(said)


def _decision(
    cfg: LabelMapConfig, known: Run, now: LabelMap, action: str, words: list[str]
) -> Decision:
    """Read a decision from words."""
    author, time = _author(cfg), _now()
    if action == "merge":
        return Decision(
            "merge",
            tuple(label_map.find(now, word) for word in words),
            author=author,
            time=time,
        )
    wanted = {
        "rename": "LABEL NAME", "colour": "LABEL #rrggbb", "note": "LABEL TEXT",
        "split": "LABEL RECORDING FIRST:STOP [NAME]", "exclude": "LABEL", "include": "LABEL",
    }[action]  # fmt: skip
    least = len([word for word in wanted.split() if not word.startswith("[")])
    if not least <= len(words) <= len(wanted.split()):
        raise InputError(f"{action} {' '.join(words)}: write {action} {wanted}")
    k = label_map.find(now, words[0])
    if action != "split":
        value = words[1] if len(words) > 1 else ""
        kind: Any = action
        return Decision(kind, (k,), value, author=author, time=time)
    start, stop = _frames(words[2])
    _require_clip(known, now, k, words[1], start, stop)
    name = words[3] if len(words) > 3 else ""
    return Decision("split", (k,), name, words[1], start, stop, author, time)


def _require_label(known: Run, decision: Decision) -> None:
    """Refuse what is no label of a map: the way from one to another."""
    if known.between is not None and label_runs.ON_THE_WAY in decision.labels:
        raise InputError(
            f"label {label_runs.ON_THE_WAY} of a map is the way between its regions; name a "
            "region"
        )


def _frames(word: str) -> tuple[int, int]:
    first, colon, last = word.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal()):
        raise InputError(f"frames {word!r}: write FIRST:STOP, such as 120:180")
    return int(first), int(last)


def _require_clip(
    known: Run, now: LabelMap, label: int, name: str, start: int, stop: int
) -> None:
    """Refuse a clip without a frame of the label."""
    seq = label_map.apply(now, known.sequences).sequences
    if name not in seq.names:
        raise InputError(f"there is no recording {name!r}{did_you_mean(name, seq.names)}")
    values, valid = recording(seq, seq.names.index(name))
    part = slice(start, stop)
    if not (valid[part] & (values[part] == label)).any():
        there = sorted(set(values[part][valid[part]].tolist()))
        raise InputError(
            f"frames {start} to {stop} of {name!r} have no label {label}; they have "
            f"{', '.join(map(str, there)) or 'none'}"
        )


def _count(words: list[str], action: str) -> int:
    if len(words) > 1 or (words and not words[0].isdecimal()):
        raise InputError(f"{action} {' '.join(words)}: write {action} or {action} 3")
    return int(words[0]) if words else 1


def _approved(
    cfg: LabelMapConfig, known: Run, now: LabelMap, words: list[str], said: list[str]
) -> LabelMap:
    """Take the decisions of a proposal that have a yes."""
    if len(words) != 1:
        raise InputError("approve: name the file of proposals")
    path = store.require_file(Path(words[0]))
    table = pd.read_csv(path, dtype=_TYPES, keep_default_na=False)
    lost = [n for n in ("approve", "kind", "labels", "value") if n not in table]
    if lost:
        raise InputError(f"{path} has no column {lost[0]!r}; give what suggest or follow wrote")
    chosen = table[[str(v).strip().lower() in _YES for v in table["approve"]]]
    for line, row in zip(chosen.index + 2, chosen.to_dict("records"), strict=True):
        try:
            values = {str(key): value for key, value in row.items()}
            decision = _of_row(values, _author(cfg))
            _require_label(known, decision)
            now = label_map.decide(now, decision)
        except (InputError, ValueError) as error:
            raise InputError(f"{path}, line {line}: {error}") from error
    said.append(f"{len(chosen)} of {len(table)} proposals approved")
    return now


def _of_row(row: dict[str, Any], author: str) -> Decision:
    if row["kind"] not in KINDS:
        raise InputError(f"kind {row['kind']!r}; there are {', '.join(KINDS)}")
    start, stop = (int(row.get(name) or 0) for name in ("start", "stop"))
    labels = tuple(int(word) for word in str(row["labels"]).split())
    place = str(row.get("recording", ""))
    return Decision(row["kind"], labels, row["value"], place, start, stop, author, _now())


def _suggested(
    cfg: LabelMapConfig, known: Run, out: Path, poses: Sequence[Path]
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Propose merges of labels that join below the cut of a tree."""
    tree = _tree(cfg, known, poses)
    cut = tree.alike if cfg.cut is None else cfg.cut
    if not np.isfinite(cut):
        raise InputError(f"metric {cfg.metric} has no cut of its own; give --cut")
    groups = tree.groups(cut)
    index = {label: i for i, label in enumerate(tree.labels.tolist())}
    rows = []
    for decision in label_map.merges(known.label_map, groups):
        place = [index[k] for k in decision.labels]
        far = float(tree.distance[np.ix_(place, place)].max())
        names = " and ".join(known.applied.names[k] for k in decision.labels)
        unit = f" {tree.unit}" if tree.unit else ""
        rows.append(Proposed(decision, np.nan, f"{names}: at most {far:.3g}{unit} apart"))
    said = (
        f"{len(rows)} merge{'' if len(rows) == 1 else 's'} below {cut:.3g} {tree.unit}".rstrip()
        + "; look at their movies, write yes into the column approve, then approve the file",
    )
    return (_propose(rows, out, approve=False),), said


def _tree(cfg: LabelMapConfig, known: Run, poses: Sequence[Path]) -> Tree:
    if cfg.metric == "transitions":
        used = np.flatnonzero(_usage(known, known.applied) >= cfg.trajectories.min_usage)
        return dendrogram.by_transitions(known.ordered, used.tolist())
    ends = None
    if cfg.anterior or cfg.posterior:
        ends = AlignSettings(anterior=cfg.anterior, posterior=cfg.posterior)
    animals = label_runs.Poses(known, poses, ends)
    found = trajectories.trajectories(known.seen, animals, cfg.trajectories)
    if known.between is not None:
        shown = [k for k in found.labels.tolist() if k != label_runs.ON_THE_WAY]
        found = trajectories.only(found, shown)
    return dendrogram.by_trajectories(found, cfg.metric)


def _usage(known: Run, made: Applied) -> np.ndarray:
    """Return the share of the frames in which the animal was seen, of each label."""
    seen = label_runs.with_ways(made.sequences, known.between)
    share = sequences.usage(seen, resamples=0).pooled
    if known.between is not None:
        share[label_runs.ON_THE_WAY] = 0.0
    return share


def _followed(
    cfg: LabelMapConfig, known: Run, words: Sequence[str], out: Path
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Propose what was decided about another run for this one."""
    if len(words) != 1:
        raise InputError("follow: name the run whose decisions are to be carried over")
    old = label_runs.read(Path(words[0]), cfg.fps, cfg.label)
    if not old.label_map.active:
        raise InputError(f"{old.map_path} holds no decisions; there is nothing to carry over")
    rows = label_follow.follow(old.label_map, old.sequences, known.sequences)
    lost = [row.said for row in rows if row.decision is None]
    good = sum(row.decision is not None and row.overlap >= label_follow.ENOUGH for row in rows)
    said = (
        f"{len(rows) - len(lost)} decisions proposed, {good} of them with an overlap of "
        f"{label_follow.ENOUGH:g} or more; edit the column approve, then approve the file",
        *(f"not carried over: {sentence}" for sentence in lost),
    )
    return (_propose(rows, out, approve=True),), said


def _propose(rows: Sequence[Proposed], out: Path, *, approve: bool) -> Path:
    """Write proposals as a table to edit."""
    table = pd.DataFrame(
        [
            {
                "approve": "yes" if approve and row.overlap >= label_follow.ENOUGH else "no",
                "kind": row.decision.kind,
                "labels": " ".join(map(str, row.decision.labels)),
                "value": row.decision.value,
                "recording": row.decision.recording,
                "start": row.decision.start,
                "stop": row.decision.stop,
                "overlap": round(row.overlap, 3),
                "said": row.said,
            }
            for row in rows
            if row.decision is not None
        ],
        columns=["approve", "kind", "labels", "value", "recording", "start", "stop", "overlap",
                 "said"],
    )  # fmt: skip
    state_courses.write_table(table, out)
    return out


def _exported(known: Run, out: Path | None, cfg: LabelMapConfig) -> tuple[Path, ...]:
    """Write bouts under the names of the labels."""
    if out is None:
        raise InputError("export: give --out, such as bouts.csv or session.boris")
    applied, kind = known.applied, "bouts" if out.suffix.lower() == ".csv" else None
    made = of_sequences.bouts(known.seen, applied.own_names(), annotator=_author(cfg))
    if known.between is not None:  # seen on the way, too, but that is no bout
        way = applied.own_names()[label_runs.ON_THE_WAY]
        made = made._replace(bouts=made.bouts[made.bouts["label"] != way])
    notes = {label.name: "; ".join(label.notes) for label in applied.labels}
    tints = {label.name: label.colour for label in applied.labels}
    kept = set(made.bouts["label"])
    scheme = made.scheme[made.scheme["label"].isin(kept)].reset_index(drop=True)
    scheme = scheme.assign(
        definition=[notes.get(name, "") for name in scheme["label"]],
        colour=[tints.get(name, "") for name in scheme["label"]],
    )
    return tuple(io_ethogram.write(made._replace(scheme=scheme), out, kind))


def table(known: Run) -> list[dict[str, Any]]:
    """A row a label that is left, the most used first; excluded ones keep their usage."""
    held = known.label_map
    shown = tuple(d for d in held.kept if d.kind not in ("exclude", "include"))
    whole = label_map.apply(held._replace(decisions=shown, end=len(shown)), known.sequences)
    share = _usage(known, whole)
    rows = [
        {
            **label._asdict(), "usage": float(share[label.id]),
            "decided": label != label._replace(
                name=str(label.id), colour="", notes=(), members=(label.id,), excluded=False
            ),
        }
        for label in known.applied.labels
    ]  # fmt: skip
    return sorted(rows, key=lambda row: -row["usage"])


def _path(out: Path | None, source: Path) -> Path:
    return (
        (source if source.is_dir() else source.parent) / "proposals.csv" if out is None else out
    )


def _author(cfg: LabelMapConfig) -> str:
    try:
        return cfg.author or getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
