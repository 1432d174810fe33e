import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.core.ethogram import build
from gambol.io import ethogram

NAMES = {
    "boris": "e.boris", "boris-csv": "e.csv", "boris-old": "e.csv", "nwb": "e.nwb",
    "frames": "e.csv", "annot": "e.annot", "caltech": "e.txt", "mabe": "e.csv",
    "bouts": "e.csv",
}  # fmt: skip
SAID = {"mabe": {"inclusive": True}}
TEXT = ("boris", "boris-csv", "boris-old", "frames", "annot", "caltech", "mabe", "bouts")


def some(seed, recordings=1, rich=True):
    """An ethogram with everything: points, pairs, modifiers, quotes, odd seconds."""
    rng = np.random.default_rng(seed)
    rows = []
    for r in range(recordings):
        for subject, target in (("m1", ""), ("m1", "m 2"), ("", "")):
            for label, kind in (("rear, up", "state"), ("sniff", "state"), ("peep", "point")):
                n = int(rng.integers(1, 5))
                edges = np.sort(rng.choice(900, 2 * n, replace=False))
                start, stop = edges[::2], edges[1::2]
                if kind == "point":
                    stop = start + 1
                for a, b in zip(start, stop, strict=True):
                    rows.append({
                        "recording": f"rec {r}", "subject": subject, "target": target,
                        "label": label if rich else label.split(",")[0], "kind": kind,
                        "start_s": 2.0 + a / 30,
                        "stop_s": 2.0 + (a if kind == "point" else b) / 30,
                        "comment": rng.choice(["", 'said "so", then']) if rich else "",
                        "modifiers": rng.choice(["", "left", "left|up"]) if rich else "",
                        "category": {"rear, up": "move"}.get(label, "") if rich else "",
                        "probability": rng.random() if rich else np.nan,
                        "annotator": "A" if rich else "",
                        "source": "curated" if rich else "manual",
                    })  # fmt: skip
    names = [f"rec {r}" for r in range(recordings)]
    clocks = pd.DataFrame({"recording": names, "fps": 30.0, "frames": 900, "first_s": 2.0,
                           "duration_s": 30.0, "media": "film one.mp4"})  # fmt: skip
    label = "rear, up" if rich else "rear"
    scheme = pd.DataFrame({
        "label": [label, "sniff", "peep", "unused"], "code": ["r", "s", "p", "u"],
        "kind": ["state", "state", "point", "state"], "colour": "red",
        "definition": ["on hind legs", "", "", ""],
    })  # fmt: skip
    spans = pd.DataFrame({"recording": names, "start_s": 2.0, "stop_s": 32.0})
    return build(pd.DataFrame(rows), scheme, spans if rich else None, clocks)


def written(made, path, kind, **more):
    ethogram.write(made, path, kind, **SAID.get(kind, {}), **more)
    return path


def same(one, other, exact=True):
    for name in ("bouts", "scheme", "observed", "recordings"):
        a, b = getattr(one, name), getattr(other, name)
        pd.testing.assert_frame_equal(a, b, check_exact=exact, atol=0 if exact else 1e-6)


def can(kind):
    if kind == "nwb":
        pytest.importorskip("ndx_ethogram")


@pytest.mark.parametrize("kind", NAMES)
def test_with_its_sidecar_every_format_is_lossless(tmp_path, kind):
    can(kind)
    made = some(0, rich=kind != "caltech")
    path = written(made, tmp_path / NAMES[kind], kind)
    found = ethogram.read(path, **SAID.get(kind, {}))
    same(found.ethogram, made)
    assert found.notes == ()


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("kind", TEXT)
def test_what_is_imported_is_imported_again_after_an_export(tmp_path, kind, seed):
    several = kind in ("boris", "boris-csv", "bouts")
    made = some(seed, recordings=2 if several else 1, rich=several or kind == "boris-old")
    given = {"fps": 30.0} | SAID.get(kind, {})
    first = written(made, tmp_path / NAMES[kind], kind, beside=False)
    one = ethogram.read(first, recording="r", **given).ethogram
    second = written(one, tmp_path / f"again {NAMES[kind]}", kind, beside=False)
    other = ethogram.read(second, recording="r", **given).ethogram
    same(one, other, exact=kind != "annot")
    assert len(one.bouts)


def test_nwb_keeps_all(tmp_path):
    can("nwb")
    made = some(1)
    path = written(made, tmp_path / "e.nwb", "nwb", beside=False)
    same(ethogram.read(path).ethogram, made)


@pytest.mark.parametrize("kind", ["boris", "boris-csv", "boris-old"])
def test_boris_keeps_all_but_what_its_losses_say(tmp_path, kind):
    made = some(2)
    path = written(made, tmp_path / NAMES[kind], kind, beside=False)
    found = ethogram.read(path).ethogram.bouts
    lost = {"probability": np.nan, "source": "manual", "annotator": ""}
    pd.testing.assert_frame_equal(found, made.bouts.assign(**lost))
    assert any("probabilities" in sentence for sentence in ethogram.losses(made, kind))
    assert ethogram.losses(made, "nwb") == []


@pytest.mark.parametrize("kind", NAMES)
def test_a_format_is_known_by_its_content(tmp_path, kind):
    can(kind)
    path = written(some(3, rich=False), tmp_path / "file.dat", kind, beside=False)
    assert ethogram.detect(path) == kind


def test_what_is_no_ethogram_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("milk\nbread\n", encoding="utf-8")
    with pytest.raises(InputError, match="no ethogram known here"):
        ethogram.detect(path)
    with pytest.raises(InputError, match="did you mean 'boris'"):
        ethogram.write(some(0), path, "borris")


def test_after_a_change_the_files_bouts_count_and_the_sidecars_labels(tmp_path):
    path = written(some(4), tmp_path / "e.csv", "boris-csv")
    text = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line for line in text if "peep" not in line) + "\n", "utf-8")
    found = ethogram.read(path)
    assert "peep" not in set(found.ethogram.bouts["label"])
    assert "on hind legs" in set(found.ethogram.scheme["definition"])
    assert "was changed" in found.notes[0]


def test_frames_follow_the_videos_own_times(tmp_path):
    made = some(5)
    path = written(made, tmp_path / "e.csv", "boris-csv", beside=False)
    steps = np.random.default_rng(0).uniform(0.01, 0.06, 2000)
    times = {"rec 0": 2.0 + np.append(0.0, steps.cumsum())}
    found = ethogram.read(path, times=times).ethogram.bouts
    for row in found.itertuples():
        assert row.start_frame == np.abs(times["rec 0"] - row.start_s).argmin()


def test_ten_thousand_boris_events_are_read_in_a_fifth_of_a_second(tmp_path):
    start = np.arange(5000) * 1.0
    table = pd.DataFrame({"recording": "a", "subject": "m", "label": "x", "start_s": start,
                          "stop_s": start + 0.5})  # fmt: skip
    clock = pd.DataFrame({"recording": ["a"], "fps": 30.0, "duration_s": 6000.0})
    made = build(table, recordings=clock)
    for kind in ("boris-csv", "boris-old", "boris"):
        path = written(made, tmp_path / NAMES[kind], kind, beside=False)
        took = []
        for _ in range(3):
            begin = time.process_time()
            assert len(ethogram.read(path).ethogram.bouts) == 5000
            took.append(time.process_time() - begin)
        assert min(took) < 0.4  # 0.2 on an idle core
