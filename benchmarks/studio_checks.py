"""The 25 checks that accept the studio: their lines, what each said last, and the figure.

A check is passed when every one of its lines was carried out at the size of the specification
and held. A line is measured here (`module:function`, which notes it) or is a list of tests, run
with `GAMBOL_CHECKS_FULL=1`. What a line said is kept with commit and date, so that checks can
be run one by one: `python -m benchmarks studio-7`.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS, WORK, record
from gambol.io import store

ROOT = Path(__file__).parents[1]
KEPT = WORK / "studio_checks.json"
_WEB = "tests/app/web/"
_E2E = f"{_WEB}e2e/"
TEST_S = 1500  # for the tests of one line


def _e2e(module: str, *names: str) -> tuple[str, ...]:
    return _of(f"{_E2E}test_{module}.py", *names)


def _web(module: str, *names: str) -> tuple[str, ...]:
    return _of(f"{_WEB}test_{module}.py", *names)


def _of(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{file}::test_{name}" for name in names)


# number → what has to hold → who says so: a function of a benchmark, or tests
CHECKS: dict[int, dict[str, str | tuple[str, ...]]] = {
    1: dict.fromkeys(("first frame, cold", "script", "other hosts"), "studio:_opening"),
    2: dict.fromkeys(("pip install -e .", "pip wheel ."), "studio_install:run"),
    3: {
        "jumps in cfr, vfr, bframes, hevc, mjpeg": "studio:_exact",
        "packet playback": "studio:_exact",
        "the paused frame": _e2e(
            "pictures_shown", "the_paused_frame_is_the_servers_pixel_by_pixel"
        ),
    },
    4: dict.fromkeys(("next frame", "next frame, no prefetch"), "studio:_stepping"),
    5: dict.fromkeys(
        ("cold jump, GOP 250", "20 steps back", "cached jump"), "studio:_jumping"
    ),
    6: dict.fromkeys(("redraw 50 × 30", "drag one of 50"), "studio:_redrawing"),
    7: {
        "a click is the pixel below it": _e2e(
            "labelling", "a_click_stores_the_pixel_below_it",
            "the_centre_of_a_pixel_is_stored_exactly",
        )
    },
    8: {"13 clicks": _e2e("labelling", "thirteen_keypoints_are_thirteen_clicks_and_enter")},
    9: {
        "Enter, drag": _e2e(
            "labelling", "enter_makes_labels_of_five_predicted_animals",
            "dragging_a_predicted_point_adopts_and_moves_in_one_edit",
        )
    },
    10: {
        "four states, out and in": (
            *_e2e("labelling", "four_states_by_four_keys"),
            *_e2e(
                "states_exported", "slp_holds_what_was_set_and_says_what_it_cannot",
                "coco_says_2_1_0_and_lists_what_was_never_asked",
            ),
        )
    },
    11: {"random edits, all undone and redone": "studio:_history"},
    12: {"kill −9 during 20 edits/s": "studio:_killing"},
    13: {
        "a killed browser": _e2e(
            "nothing_is_lost", "edits_of_a_killed_browser_are_sent_when_it_comes_back"
        )
    },
    14: {
        "two people": _e2e(
            "two_people", "the_same_animal_at_the_same_time_is_a_question_with_a_name",
            "different_animals_of_one_frame_are_no_conflict",
            "the_next_suggestion_is_another_for_each",
        )
    },
    15: {"suggest 20 from 1,500 frames": _e2e("suggesting", "every_strategy_finds_its_frames")},
    16: {"new project to first prediction": _e2e("first_round", "a_new_project_predicts")},
    17: {
        "reload, kill, stop": _e2e("improve", "a_round_from_the_button_to_the_corrected_frame")
    },
    18: {
        "memory, missing video, full disk": _e2e(
            "troubles", "a_job_that_must_fail_is_a_sentence_and_a_button"
        )
    },
    19: {
        "queue": _web("tracks", "planted_swaps_lead_the_queue_and_are_mended_and_brought_back"),
        "twelve swaps": _e2e("tracks", "swaps_are_mended_from_the_queue_undone_and_kept"),
    },
    20: dict.fromkeys(("open", "pan, zoom", "frame data", "memory"), "studio_tracks:run"),
    21: {"four views": "studio_space:run"},
    22: dict.fromkeys(
        ("12 right clips", "name, merge, undo", "cursor and video", "1 M points"),
        "studio_behavior:run",
    ),
    23: {
        "round trips": _e2e(
            "formats_round", "import_export_import_changes_nothing",
            "what_other_programs_said_comes_back",
        ),
        "losses": _web("transfer", "what_deeplabcut_cannot_hold_is_counted"),
    },
    24: {
        "tokens, hosts, origins": _web(
            "guard", "without_a_token_nothing_answers", "a_wrong_token_is_refused",
            "a_name_that_is_not_ours_is_refused",
            "a_foreign_page_writes_nothing_and_hears_nothing",
        ),
        "ways out": _web(
            "files", "no_word_leads_out", "no_address_leads_out",
            "a_folder_is_listed_with_kinds_and_without_ways_out",
            "a_file_that_became_a_way_out_is_refused",
        ),
        "bodies, uploads": (
            *_web("server", "a_body_of_nine_mebibytes_is_refused"),
            *_web("uploads", "a_file_comes_in_parts_and_goes_on_after_a_restart",
                  "a_part_that_is_cut_leaves_nothing"),
        ),
        "scripts, pickles": (
            *_e2e("everybody_can", "a_script_in_a_name_is_text"),
            *_web("transfer", "a_pickle_is_no_file_of_labels"),
            *_of("tests/io/test_pretrained.py", "files_that_hold_code_or_nothing_are_refused"),
        ),
        # its logs are read for the token, and /proc for the addresses on which it listens
        "logs, listens": _web("server", "it_survives_being_killed_and_is_back_at_once"),
    },
    25: {
        "axe": _e2e(
            "everybody_can", "axe_finds_nothing_serious",
            "axe_finds_nothing_in_the_header_that_asks_for_a_name",
        ),
        "keyboard": _e2e("labelling", "thirteen_keypoints_by_keys_alone"),
        "touch, pen": _e2e(
            "everybody_can", "a_finger_places_within_a_pixel_and_two_fingers_zoom",
            "a_pens_barrel_button_places_a_covered_point",
        ),
        "layouts": _e2e(
            "everybody_can", "keys_mean_the_same_on_other_keyboards",
            "letters_that_are_being_composed_do_nothing",
        ),
    },
}  # fmt: skip

# lines that are figures of their own, which hold if all of these do
FIGURES = {
    "20 open": ("tracks_open_s", "tracks_screen_s"),
    "20 pan, zoom": ("tracks_zoom_ms",),
    "20 frame data": ("tracks_frame_ms",),
    "20 memory": ("tracks_memory_gb",),
}


def note(number: int, line: str, passed: bool, measured: str) -> None:
    """Keep what a line of a check said, and print it."""
    kept = _kept()
    kept[f"{number} {line}"] = {
        "passed": bool(passed),
        "measured": measured,
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "load": round(os.getloadavg()[0], 1),
    }
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    store.write_json(kept, KEPT)
    print(f"{number:3d}  {'pass' if passed else 'FAIL'}  {line}: {measured}", flush=True)


def tests(numbers: list[int]) -> None:
    """Run the lines of some checks that are tests, at full size."""
    for number in numbers:
        for line, who in CHECKS[number].items():
            if isinstance(who, tuple):
                note(number, line, *_tested(who))


def measured(number: int) -> list[str]:
    """Return the functions that measure lines of a check."""
    found = (who for who in CHECKS[number].values() if isinstance(who, str))
    return list(dict.fromkeys(found))


def attempt(name: str, *given: Any) -> None:
    """Call what measures; an error is a failure of its lines, and the others go on."""
    try:
        module, _, what = name.partition(":")
        getattr(import_module(f"benchmarks.{module}"), what)(*given)
        _note_figures(name)
    except Exception as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        for number, lines in CHECKS.items():
            for line, who in lines.items():
                if who == name:
                    note(number, line, False, said)


def _note_figures(name: str) -> None:
    """Note lines that are figures which a function recorded."""
    for number, lines in CHECKS.items():
        for line, who in lines.items():
            if who == name and (used := FIGURES.get(f"{number} {line}")):
                found = [store.read_json(RESULTS)[f"studio.{one}"] for one in used]
                told = ", ".join(f"{one['value']:g} {one['unit']}" for one in found)
                note(number, line, all(one["met"] for one in found), told)


def figure() -> None:
    """Record of how many checks every line passed, the last time that it was run."""
    kept = _kept()
    passed, bad, unsaid = 0, [], []
    for number, lines in CHECKS.items():
        said = {line: kept.get(f"{number} {line}") for line in lines}
        passed += all(one is not None and one["passed"] for one in said.values())
        for line, one in said.items():
            if one is None:
                unsaid.append(f"{number} {line}")
            elif not one["passed"]:
                bad.append(f"{number} {line}: {one['measured']}")
    used = [kept[f"{n} {line}"] for n, of in CHECKS.items() for line in of
            if f"{n} {line}" in kept]  # fmt: skip
    commits = ", ".join(sorted({one["commit"] for one in used}))
    failing = f"; not passed: {'; '.join(bad)}" if bad else ""
    failing += f"; not carried out: {', '.join(unsaid)}" if unsaid else ""
    record(
        "studio.checks_passed", passed, f"of {len(CHECKS)}", data="simulated films",
        goal=str(len(CHECKS)), met=passed == len(CHECKS),
        note=f"{len(used)} lines, at {commits}{failing}",
    )  # fmt: skip


def _kept() -> dict[str, Any]:
    return store.read_json(KEPT) if KEPT.exists() else {}


def _commit() -> str:
    """Return the commit, with + where the tree differs from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "src", "web", "tests")
    return git("rev-parse", "--short", "HEAD") + "+" * bool(changed)


def _tested(nodes: tuple[str, ...]) -> tuple[bool, str]:
    """Run tests; say whether each ran and passed, and what they measured."""
    with tempfile.TemporaryDirectory() as away:
        told = Path(away) / "junit.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-m",
            "slow or not slow",
            "-o",
            "junit_family=legacy",  # the other one has no place for what was measured
        ]
        try:
            subprocess.run(
                [*command, f"--junitxml={told}", *nodes], cwd=ROOT, timeout=TEST_S,
                env={**os.environ, "GAMBOL_CHECKS_FULL": "1"}, capture_output=True, text=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False, f"not done after {TEST_S} s"
        return judged(told, nodes)


def judged(report: Path, nodes: tuple[str, ...]) -> tuple[bool, str]:
    """Read a report of pytest: each node ran, nothing failed or was skipped, what was measured.

    A name that stands for no test makes pytest run none at all, so it counts as failed.
    """
    if not report.exists():
        return False, "the tests did not run"
    cases = list(ElementTree.parse(report).iter("testcase"))
    ran = {case.get("name", "").partition("[")[0] for case in cases}
    wrong = [
        f"{case.get('name')} {kind.tag}: {(kind.get('message') or '-').splitlines()[0][:160]}"
        for case in cases for kind in case if kind.tag in ("failure", "error", "skipped")
    ]  # fmt: skip
    absent = [node for node in nodes if node.rpartition("::")[2].partition("[")[0] not in ran]
    if wrong or absent:
        return False, "; ".join(wrong + [f"{node} did not run" for node in absent])
    told = [one.get("value", "") for one in ElementTree.parse(report).iter("property")]
    return True, "; ".join([f"{len(cases)} tests passed", *told])
