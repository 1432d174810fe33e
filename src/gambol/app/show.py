"""Scores as a few lines of text: how far off, how many animals found, who stayed who."""

from typing import Any

SLEAP = "ignores invented animals and empty frames, so it flatters"


def scores(values: dict[str, Any]) -> str:
    """Show the numbers of an evaluation, or of the validation that ends a training."""
    if "mpe" in values:
        return "\n".join(_in_3d(values))
    rows = _identities(values) if "idf1" in values else []
    if "animals" in values:
        rows += _animals(values["animals"])
        rows += _by_looks(values.get("identity"))
        rows += _distances(values["animals"]["matched"], "of the animals found, ")
        missing = values.get("n_missing", 0)
        if missing:
            rows.append(
                f"{missing} of {values['n']} labelled keypoints were not found; within 5 % of "
                f"the animal: {_share(values['pck']['0.05'])} of all"
            )
    else:
        rows += _distances(values, "")
    if "run" in values:
        rows.append(f"run: {values['run']}")
    return "\n".join(rows)


def _in_3d(values: dict[str, Any]) -> list[str]:
    """Show how far 3D poses are from a truth."""
    units, spans = values["units"], values["intervals"]
    rows = [
        f"{values['n']} points in {_count(values['frames'], 'frame')}, {values['n_missing']} "
        f"more have no position; lengths in {units} units"
        if units == "unknown"
        else f"{values['n']} points in {_count(values['frames'], 'frame')}, "
        f"{values['n_missing']} more have no position",
        f"mean error {values['mpe']:.3f} {units}{_span(spans['mpe'], '.3f')}, median "
        f"{values['median']:.3f}, p95 {values['p95']:.3f}",
        f"after turning and shifting each frame: {values['mpe_rpa']:.3f} {units}"
        f"{_span(spans['mpe_rpa'], '.3f')}",
        f"within their 50 % and 95 % regions: {_share(values['coverage50'])}, "
        f"{_share(values['coverage95'])}",
    ]
    for name, one in values["keypoints"].items():
        rows.append(f"  {name}: {_number(one['mpe'])}, turned {_number(one['mpe_rpa'])}")
    if values["skipped"]:
        rows.append(f"not counted: {', '.join(values['skipped'])}")
    return rows


def _distances(values: dict[str, Any], of: str) -> list[str]:
    """Show errors of all keypoints together, then of each."""
    rows = []
    if values["mean_px"] is not None:
        rows.append(
            f"{of}{values['n']} keypoints: mean {values['mean_px']:.2f} px"
            f"{_span(values['intervals']['mean_px'], '.2f')}, median "
            f"{values['median_px']:.2f}, p95 {values['p95_px']:.2f}"
        )
    elif (found := values["found"])["mean_px"] is not None:
        rows.append(
            f"{of}{values['n'] - values['n_missing']} of {values['n']} keypoints found: mean "
            f"{found['mean_px']:.2f} px, median {found['median_px']:.2f}"
        )
    for name, one in values["keypoints"].items():
        if one["mean_px"] is not None:
            rows.append(f"  {name}: mean {one['mean_px']:.2f} px")
        elif one["median_px"] is not None:  # some were not found: infinitely far off
            rows.append(
                f"  {name}: median {one['median_px']:.2f} px, {one['n_missing']} missing"
            )
    return rows


def _animals(values: dict[str, Any]) -> list[str]:
    """Show how well animals were found."""
    spans = values["intervals"]
    rows = [
        f"{_count(values['n_animals'], 'animal')} in {_count(values['n_frames'], 'frame')}, "
        f"{values['n_found']} found, {values['n_matched']} of them right",
        f"OKS mAP {_number(values['oks_map'])}{_span(spans['oks_map'], '.3f')} with "
        f"{_options(values['options'])}; {_number(values['oks_map_01'])} with the wider "
        "tolerance of 0.1",
        f"mAP as SLEAP counts {_number(values['sleap_map'])}; that {SLEAP}",
    ]
    if values["precision"] is not None or values["recall"] is not None:
        rows.append(
            f"precision {_share(values['precision'])}, recall {_share(values['recall'])}, "
            f"{_number(values['count_error'], '.2f')} animals too many or too few a frame"
        )
    return rows


def _options(chosen: dict[str, Any]) -> str:
    """Say how poses were compared, since no score means anything without it."""
    several = chosen["sigmas"] is not None
    said = [
        "a tolerance for each keypoint" if several else f"a tolerance of {chosen['sigma']:g}"
    ]
    if chosen["area"] != "box":
        said.append("the squared body length for the area")
    if chosen["margin"]:
        said.append(f"boxes {chosen['margin']:g} px wider")
    if chosen["symmetric"]:
        said.append("exchanged sides forgiven")
    return ", ".join(said)


def _by_looks(values: dict[str, Any] | None) -> list[str]:
    """Show how often looks name the right individual, where a network tries."""
    if not values or not values["n"]:
        return []
    return [
        f"named by looks: {_share(values['rank1'])} of {_count(values['n'], 'animal')} right "
        f"(chance {_share(values['chance'])}), {_share(values['one_to_one'])} with every name "
        f"once a frame; its own estimate is {_share(values['said'])}"
    ]


def _identities(values: dict[str, Any]) -> list[str]:
    """Show how well identities were kept."""
    if values["idf1"] is None:
        return ["the labels do not say who is who, so identities are not scored"]
    kept, spans = values["identities"], values["intervals"]
    first = values["time_to_first_error_s"]
    wrong = values["identity_errors"]
    rows = [
        f"{_count(kept['n_animals'], 'animal')}, {_count(kept['n_tracks'], 'track')}, "
        f"{_count(kept['n_frames'], 'frame')}: IDF1 {values['idf1']:.4f}"
        f"{_span(spans['idf1'], '.4f')}, MOTA {values['mota']:.4f}, HOTA {values['hota']:.4f}",
        f"{_count(values['id_switches'], 'identity switch', 'identity switches')}, "
        f"{_count(values['fragmentations'], 'fragmentation')}, "
        f"{values['misses']} missed, {values['false_positives']} invented",
        f"{_count(wrong, 'animal')} with the wrong name"
        + (f", first after {first:.1f} s" if wrong and first is not None else ""),
    ]
    worth = kept["confidence"]
    if worth["n"]:
        rows.append(
            f"identity confidence: off by {_number(worth['ece'], '.4f')} on average (ECE), "
            f"Brier score {_number(worth['brier'], '.4f')}"
        )
    return rows + [_queue(one) for one in values.get("review", []) if one["events"]]


def _queue(values: dict[str, Any]) -> str:
    """Show what the review queue of a track file is worth."""
    clicks, crossed = values["clicks"], values["crossings"]
    return (
        f"review of {values['tracks']}: {_count(values['events'], 'event')}, "
        f"{_share(crossed['share_right'])} right (chance {_share(crossed['chance'])}), "
        f"{values['wrong']} to mend, {values['wrong_in_first']['10']} of them in the first 10; "
        + ("all events" if clicks is None else _count(clicks, "click"))
        + f" for an IDF1 of {values['idf1_after'] if clicks is None else 0.999:.4f}"
    )


def _count(number: int, noun: str, several: str | None = None) -> str:
    return f"{number} {noun if number == 1 else several or noun + 's'}"


def _number(value: float | None, form: str = ".3f") -> str:
    return "–" if value is None or value != value else f"{value:{form}}"


def _share(value: float | None) -> str:
    return "–" if value is None or value != value else f"{100 * value:.1f} %"


def _span(ends: list[float | None] | None, form: str) -> str:
    """Say an interval, where there is one."""
    if not ends or ends[0] is None or ends[1] is None:
        return ""
    return f" (95 % interval {ends[0]:{form}} to {ends[1]:{form}})"
