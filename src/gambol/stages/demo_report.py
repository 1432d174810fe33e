"""The demo's page: every stage with its score, its film and the pages that tell more.

writes  out/report.html
"""

from collections.abc import Mapping
from pathlib import Path

from gambol.io import store
from gambol.stages import demo_pixels, demo_world
from gambol.stages.demo_behavior import LEVELS, Course
from gambol.viz import report_demo
from gambol.viz.html import Markup
from gambol.viz.report_demo import Step, Strip, numbers

PAGE = "report.html"
Scores = dict[str, dict[str, float | None]]
LEAD = (
    "Two mice that never lived, before cameras that were never built. What stands below was "
    "found from their films by the commands that you would use, with settings for minutes "
    "instead of hours; as a simulation knows the truth, every step is scored against it. Your "
    "films are harder than these."
)
ADVICE = {
    "map": "regions of a map of postures and their rhythms (MotionMapper)",
    "syllables": "syllables: short movements that recur (keypoint-MoSeq)",
    "states": "states: what syllables are used for, for seconds (state-moseq)",
}


def write(
    scores: Scores, courses: Mapping[str, Course], films: Mapping[str, Path], out: Path
) -> Path:
    """Write the page.

    Args:
        scores: of all stages.
        courses: of every level of behaviour.
        films: "pixels" and "space".
        out: folder of the demo.
    """
    steps = [
        _space(scores, films["space"], out),
        _pixels(scores, films["pixels"], out),
        _behavior(scores, courses),
    ]
    page = report_demo.build(
        LEAD, steps, report_demo.origin(store.read_text(out / "demo.yaml"))
    )
    store.write_text(page, out / PAGE)
    return out / PAGE


def _pixels(scores: Scores, film: Path, out: Path) -> Step:
    found, kept, learned = scores["predict"], scores["track"], scores["train"]
    return Step(
        "In every camera: found and followed",
        "Two networks learned from the labelled frames: one finds mice, one their keypoints. "
        "Then both mice were followed through their contacts. Films and frames are others than "
        "those that were learned from.",
        (
            "gambol train learn --out run",
            "gambol predict run test/videos/*.mp4 --out detections",
            "gambol track detections --animals 2 --out tracks",
        ),
        numbers(
            (
                (found["median_px"], ".1f", "px, half of the keypoints are nearer than that"),
                (found["oks_map"], ".2f", "OKS mAP, strict: how well mice were found"),
                (kept["idf1"], ".3f", "IDF1: share of mice under their own name"),
                (kept["id_switches"], ".0f", "exchanges of names, in all cameras"),
                (found["fps"], ".0f", "frames/s found"),
                (learned["steps"], ".0f", "steps of training"),
            )
        ),
        (("how the networks learned", demo_pixels.PAGE),),
        (_beside(film, out), "One camera's film, with names and keypoints as they were found."),
    )


def _space(scores: Scores, film: Path, out: Path) -> Step:
    rig, mice = scores["calibrate"], scores["triangulate"]
    return Step(
        "In space",
        "A printed board was shown to the cameras, which tells where they stand; then what "
        "they saw was put together.",
        (
            "gambol calibrate test/board --board test/board.yaml --out rig.toml",
            "gambol triangulate tracks --calibration rig.toml --out mice.nc",
            "gambol movies mice.nc --out films",
        ),
        numbers(
            (
                (
                    mice["median_whoever"],
                    ".1f",
                    "mm, half of the keypoints are nearer, whoever it is",
                ),
                (mice["mpe_rpa"], ".1f", "mm, mean error of the posture"),
                (mice["names_kept"], ".0%", "of the time under the same name"),
                (rig["corners_px"], ".2f", "px, what is left of the board's corners"),
                (rig["camera_mm"], ".1f", "mm, cameras from where they stand"),
            )
        ),
        (("the poses in space", "mice.report.html"), ("the cameras", "rig.report.html")),
        (_beside(film, out), "Beside what a camera saw: both mice in space."),
    )


def _behavior(scores: Scores, courses: Mapping[str, Course]) -> Step:
    rows = [
        (
            Strip(f"true {LEVELS[name].truth}", course.true, course.words),
            Strip(name, course.read, course.words),
        )
        for name, course in courses.items()
    ]
    shown = [(rows[0][0], rows[0][1], rows[1][1]), rows[2]]
    seen = all(len(course.true) for course in courses.values())
    return Step(
        "What they do",
        "Minutes of poses, as wrong as those from the films, taught three models without a "
        "single label of behaviour; then the films were read with them. A name is read as the "
        "behaviour that it mostly was in those minutes.",
        (
            "gambol map minutes.nc --out map",
            "gambol syllables minutes.nc --out syllables",
            "gambol states syllables --out states",
        ),
        numbers(
            tuple(
                (
                    scores[name]["right"],
                    ".0%",
                    f"of the frames right by {said}; {_share(scores[name]['chance'])} by "
                    "chance",
                )
                for name, said in ADVICE.items()
            )
        ),
        (
            ("the map", "map/report.html"), ("the syllables", "syllables/report.html"),
            ("the states", "states/fit/report.html"),
        ),
        drawn=report_demo.strips(shown, demo_world.FPS) if seen else Markup(""),
    )  # fmt: skip


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _beside(film: Path, out: Path) -> str:
    return film.relative_to(out).as_posix()


def sentences(scores: Mapping[str, Mapping[str, float | None]]) -> list[tuple[str, str]]:
    """Return a line for every stage."""

    def say(stage: str, name: str, how: str) -> str:
        value = scores[stage][name]
        return "–" if value is None else format(value, how)

    told = [
        (
            "predict",
            f"{say('predict', 'median_px', '.2f')} px median error, OKS mAP "
            f"{say('predict', 'oks_map', '.2f')}, {say('predict', 'fps', '.0f')} frames/s",
        ),
        (
            "track",
            f"IDF1 {say('track', 'idf1', '.3f')}, {say('track', 'id_switches', '.0f')} "
            "identity switches",
        ),
        (
            "calibrate",
            f"cameras {say('calibrate', 'camera_mm', '.1f')} mm from where they stand",
        ),
        (
            "triangulate",
            f"{say('triangulate', 'median_whoever', '.2f')} mm median error in space, "
            f"{say('triangulate', 'names_kept', '.0%')} of the time under the same name",
        ),
    ]
    for name in LEVELS:
        told.append(
            (
                name,
                f"{say(name, 'right', '.0%')} of the frames named rightly "
                f"({say(name, 'chance', '.0%')} by chance)",
            )
        )
    return told
