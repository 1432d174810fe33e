"""From syllables to states as a user would: one command a step, and bad input in a sentence."""

import json

import pytest

LAGS = ("--set", "longest_s=8", "--set", "lags=6", "--set", "resamples=20")
FIT = (
    *(
        "--fps",
        20,
        "--set",
        "init_window_s=3",
        "--set",
        "iterations=4",
        "--set",
        "keep_every=2",
    ),
    *("--set", "lags.longest_s=8", "--set", "lags.lags=6", "--set", "lags.resamples=20"),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Recordings with known states, and a fit to them."""
    from gambol.stages import fit_states, simulate_states

    folder = tmp_path_factory.mktemp("world")
    simulate_states.run(
        simulate_states.SimulateConfig(
            recordings=3, frames=1500, fps=20.0, syllables=8, states=3, state_s=6.0
        ),
        folder / "made",
    )
    cfg = fit_states.FitConfig.from_values(
        {"fps": 20.0, "n_states": 3, "trans_kappa": 300.0, "iterations": 10,
         "init_window_s": 3.0, "lags": {"longest_s": 8.0, "lags": 6, "resamples": 20}},
        "fit.yaml",
    )  # fmt: skip
    fit_states.run(cfg, [folder / "made/syllables"], folder / "run")
    return folder


def test_recordings_are_made_and_what_they_remember_is_told(gambol, world, tmp_path):
    made = gambol("simulate-states", tmp_path / "w", "--set", "frames=300", "--seed", 1)
    assert made.status == 0 and "next: gambol fit-states" in made.out, made.err
    base = ("mutual-information", world / "made/syllables", "--fps", 20, *LAGS)
    told = gambol(*base, "--out", tmp_path / "m")
    assert told.status == 0 and "States should last between" in told.out, told.err
    again = json.loads(gambol(*base, "--out", tmp_path / "m", "--json").out)
    assert again["recordings"] == 3 and again["units"] == "nats"


def test_states_are_found_applied_and_compared(gambol, world, tmp_path):
    sources = world / "made/syllables"
    fit = ("fit-states", sources, *FIT, "--states", 3, "--kappa", 300)
    told = gambol(*fit, "--out", tmp_path / "run")
    assert told.status == 0 and "a state lasts" in told.out, told.err
    other = gambol(*fit, "--given", world / "made/truth", "--out", tmp_path / "given")
    assert other.status == 0, other.err
    applied = gambol(
        "apply-states", world / "run", sources, "--fps", 20, "--out", tmp_path / "a"
    )
    assert applied.status == 0 and "nats a frame" in applied.out, applied.err
    same = gambol(
        "compare-states", world / "run", world / "made/truth", "--fps", 20,
        "--out", tmp_path / "c",
    )  # fmt: skip
    assert same.status == 0 and "adjusted Rand index" in same.out, same.err


@pytest.mark.slow
def test_settings_are_scanned_and_all_is_done_in_one_go(gambol, world, tmp_path):
    sources = world / "made/syllables"
    scan = ("--kappas", "300", "--states", "2,3", "--seeds", 2, "--workers", 1)
    told = gambol("scan-states", sources, *FIT, *scan, "--out", tmp_path / "scan")
    assert told.status == 0 and "use: gambol fit-states" in told.out, told.err
    inner = [
        *("scan.kappas=[300]", "scan.states=[2]", "scan.seeds=1", "scan.iterations=2"),
        *("scan.init_window_s=3", "iterations=3", "lags.longest_s=8", "lags.lags=6"),
        "lags.resamples=20",
    ]
    settings = [word for one in inner for word in ("--set", one)]
    told = gambol("states", sources, "--fps", 20, *settings, "--out", tmp_path / "all")
    assert told.status == 0 and "report.html first" in told.out, told.err


WRONG = {
    "a file that is not there": (
        ["mutual-information", "nowhere.csv", "--fps", 20], "check the path"),
    "no rate": (["mutual-information", "@"], "give fps"),
    "a rate of nothing": (["fit-states", "@", "--fps", 0], "greater than 0"),
    "another column": (["fit-states", "@", "--fps", 20, "--label", "x y"], "no column 'x y'"),
    "a misspelt setting": (
        ["fit-states", "@", "--fps", 20, "--set", "n_state=3"], "'n_states'"),
    "states to begin with that are not there": (
        ["fit-states", "@", "--fps", 20, "--given", "nowhere.csv"], "check the path"),
    "init without states": (
        ["fit-states", "@", "--fps", 20, "--set", "init=given"], "give both"),
    "values that are no numbers": (
        ["scan-states", "@", "--fps", 20, "--kappas", "5,b"], "valid number"),
    "one value for a scan": (
        ["scan-states", "@", "--fps", 20, "--set", "trans_kappa=5"], "give kappas"),
    "no model": (["apply-states", "@", "@", "--fps", 20], "does not exist"),
    "another rate": (["apply-states", "RUN", "@", "--fps", 25], "bring them to one rate"),
    "nothing to compare with": (["compare-states", "RUN", "nowhere"], "check the path"),
    "no video": (["state-movies", "RUN/states"], "for want of video"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence_and_leaves_nothing(gambol, world, tmp_path, case):
    words, said = WRONG[case]
    places = {"@": world / "made/syllables", "RUN": world / "run"}
    places["RUN/states"] = world / "run/states"
    told = gambol(*(places.get(word, word) for word in words), "--out", tmp_path / "out")
    assert told.status == 2 and said in told.err, told.err
    assert "Traceback" not in told.err and len(told.err.strip().splitlines()) == 1
    assert not list(tmp_path.glob("out/*.*nc")) and not list(tmp_path.glob("out/*.html"))
