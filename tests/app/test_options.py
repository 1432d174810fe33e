"""Settings that have no default may be said in any of three ways."""

import numpy as np
import pytest

from gambol.io import poses as io_poses
from gambol.io import store
from gambol.simulate import behaviors, faults


@pytest.fixture(scope="module")
def posed(tmp_path_factory):
    """A pose file, and keypoints at both ends of the animal."""
    rng = np.random.default_rng(0)
    done = behaviors.perform(rng, 200, fps=30.0)
    made = faults.track(rng, done, faults.Faults(absent=0.0, outlier=0.0, spike=0.0)).poses
    path = tmp_path_factory.mktemp("posed") / "day.nc"
    store.write_dataset(made, path)
    names = [str(name) for name in made["keypoints"].values]
    return path, {"anterior": names[0], "posterior": names[-1]}


def said(how, ends, folder):
    """The words of a command that name the ends."""
    if how == "set":
        return [w for k, v in ends.items() for w in ("--set", f"{k}=[{v}]")]
    if how == "options":
        return [w for k, v in ends.items() for w in (f"--{k}", v)]
    if how == "mixed":
        one, other = ends.items()
        return ["--set", f"{one[0]}=[{one[1]}]", f"--{other[0]}", other[1]]
    (folder / "cfg.yaml").write_text("".join(f"{k}: [{v}]\n" for k, v in ends.items()))
    return ["--config", folder / "cfg.yaml"]


@pytest.mark.parametrize("verb", ["align", "features"])
def test_required_settings_are_the_same_however_they_are_said(gambol, posed, tmp_path, verb):
    path, ends = posed
    found = {}
    for how in ("options", "set", "mixed", "file"):
        out = tmp_path / how
        words = said(how, ends, tmp_path)
        told = gambol(verb, path, *words, "--set", "gap_s=0.1" if verb == "align" else
                      "contact=0.2", "--out", out)  # fmt: skip
        assert told.status == 0, told.err
        found[how] = store.read_dataset(next(out.glob("*.nc")))
    if verb == "align":
        assert "aligned" in io_poses.read(tmp_path / "set" / "day.nc")
    for how in ("set", "mixed", "file"):
        assert found["options"].drop_attrs().equals(found[how].drop_attrs()), how


def test_what_set_says_last_counts(gambol, posed, tmp_path):
    path, ends = posed
    words = ["--anterior", ends["posterior"], "--posterior", ends["anterior"]]
    told = gambol("align", path, *words, *said("set", ends, tmp_path), "--out", tmp_path / "a")
    assert told.status == 0, told.err
    gambol("align", path, *said("options", ends, tmp_path), "--out", tmp_path / "b")
    one, other = (store.read_dataset(tmp_path / name / "day.nc") for name in "ab")
    assert np.array_equal(one["heading"], other["heading"], equal_nan=True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "anterior=[nose]"], "posterior: field required"),
        (["--set", "anteriro=[nose]"], "did you mean 'anterior'"),
        (["--set", "anterior"], "write key=value"),
        (["--set", "anterior=[nose", "--set", "posterior=[x]"], "is not YAML"),
    ],
)
def test_what_is_lacking_or_misspelt_is_one_sentence(gambol, posed, tmp_path, words, sentence):
    told = gambol("align", posed[0], *words, "--out", tmp_path / "out")
    assert told.status == 2 and sentence in told.err, told.err
    assert not (tmp_path / "out").exists()
