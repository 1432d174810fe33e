import numpy as np
import pytest
from state_worlds import FIT, world

from gambol.core.errors import InputError
from gambol.io import state_courses, store
from gambol.stages import apply_states, fit_states
from gambol.stages.apply_states import ApplyConfig
from gambol.stages.fit_states import FitConfig


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    made = world(folder / "made")
    fit_states.run(FitConfig(**FIT), [made / "syllables"], folder / "run")
    return folder


def test_recordings_of_the_fit_get_the_states_of_the_fit(run, tmp_path):
    cfg = ApplyConfig(fps=20.0)
    told = apply_states.run(cfg, run / "run", [run / "made/syllables"], tmp_path / "out")
    assert told.recordings == 3 and told.nats_per_frame < 0
    for path in sorted((run / "run" / "states").iterdir()):
        here, there = (
            state_courses.read(p) for p in (path, tmp_path / "out/states" / path.name)
        )
        np.testing.assert_array_equal(here["state"], there["state"])
        np.testing.assert_array_equal(here["probability"], there["probability"])
        assert (there["state_sample"] == -1).all()  # nothing was sampled here


def test_a_recording_gets_the_same_bytes_alone(run, tmp_path):
    cfg = ApplyConfig(fps=20.0)
    one = run / "made/syllables/recording_001.csv"
    apply_states.run(cfg, run / "run/model.nc", [one], tmp_path / "alone")
    apply_states.run(cfg, run / "run/model.nc", [run / "made/syllables"], tmp_path / "all")
    a, b = (
        state_courses.read(tmp_path / f / "states/recording_001.nc") for f in ("alone", "all")
    )
    for name in a.data_vars:
        np.testing.assert_array_equal(a[name], b[name])


def test_new_syllables_and_rates_and_wrong_files_are_refused(run, tmp_path):
    more = tmp_path / "more.csv"
    more.write_text("syllable\n1\n9\n9\n")
    with pytest.raises(InputError, match="67% of the frames have labels from"):
        apply_states.run(ApplyConfig(fps=20.0), run / "run", [more], tmp_path / "a")
    with pytest.raises(InputError, match="bring them to one rate"):
        apply_states.run(
            ApplyConfig(fps=25.0), run / "run", [run / "made/syllables"], tmp_path / "b"
        )
    with pytest.raises(InputError, match="holds no model of states"):
        apply_states.run(
            ApplyConfig(fps=20.0), run / "run/states/recording_000.nc",
            [run / "made/syllables"], tmp_path / "c",
        )  # fmt: skip
    assert not any((tmp_path / name).exists() for name in "abc")


def test_syllables_that_the_model_never_saw_are_left_out_and_counted(run, tmp_path):
    rows = np.tile([0, 1, 2], 40)
    for name, strange in (("plain", False), ("strange", True)):
        said = rows.copy()
        said[50] = 9 if strange else -1
        path = tmp_path / name / "one.csv"
        path.parent.mkdir()
        path.write_text("\n".join(["syllable", *map(str, said)]) + "\n")
        out = tmp_path / f"{name}-out"
        told = apply_states.run(ApplyConfig(fps=20.0), run / "run", [path], out)
        counted = [r for r in told.remarks if "1 frames have syllables" in r]
        assert len(counted) == strange
    a, b = (
        store.read_dataset(tmp_path / f"{n}-out/states/one.nc") for n in ("plain", "strange")
    )
    np.testing.assert_array_equal(a["state"], b["state"])
    np.testing.assert_array_equal(a["probability"], b["probability"])
