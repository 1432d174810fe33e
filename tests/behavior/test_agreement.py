import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat
from scipy.ndimage import uniform_filter1d
from sklearn.metrics import cohen_kappa_score, f1_score, normalized_mutual_info_score

from gambol.behavior import agreement, compare
from gambol.behavior.ethogram import sequences
from gambol.core.errors import InputError
from gambol.core.ethogram import build, clocked, select
from gambol.core.ethogram_mend import united
from gambol.core.sequences import pack

KINDS = ["Supported", "Unsupported", "Grooming"]
SHARES = np.linspace(0.02, 0.6, 200)  # of frames that a rule may call freezing
AHEAD, FPS = 300, 25.0  # row r of a file is frame r + 300 of the video


def said(*rows, frames=20, **more):
    columns = ["label", "start_frame", "stop_frame"]
    clock = pd.DataFrame({"recording": ["a"], "fps": 10.0, "frames": frames})
    table = pd.DataFrame(rows, columns=columns).assign(recording="a", **more)
    return build(table, recordings=clock)


def test_kappa_and_f1_are_those_of_another_library():
    rng = np.random.default_rng(0)
    one = rng.integers(4, size=300)
    other = np.where(rng.random(300) < 0.6, one, rng.integers(4, size=300))
    assert agreement.kappa(one, other) == pytest.approx(cohen_kappa_score(one, other))
    assert agreement.f1(one == 2, other == 2) == pytest.approx(f1_score(one == 2, other == 2))
    other[:50] = -1
    assert agreement.kappa(one, other) == pytest.approx(cohen_kappa_score(one[50:], other[50:]))


def test_bouts_match_one_to_one_with_most_pairs():
    here = np.array([[0, 10], [12, 20], [30, 40]])
    there = np.array([[0, 6], [6, 10], [12, 26], [41, 50]])
    found = agreement.match_bouts(here, there)
    assert (found.hits, found.here, found.there) == (2, 3, 4)
    assert found.onset.tolist() == [0, 0]
    assert agreement.bout_f1([found]) == pytest.approx(4 / 7)
    assert agreement.match_bouts(here, there[:0]).hits == 0


def test_matching_is_the_best_there_is():
    rng = np.random.default_rng(1)
    for _ in range(30):
        edges = [np.sort(rng.choice(60, 12, replace=False)).reshape(6, 2) for _ in range(2)]
        found = agreement.match_bouts(edges[0], edges[1], 0.2)
        near = np.zeros((6, 6), bool)
        for i, a in enumerate(edges[0]):
            for j, b in enumerate(edges[1]):
                shared = min(a[1], b[1]) - max(a[0], b[0])
                near[i, j] = shared / (max(a[1], b[1]) - min(a[0], b[0])) >= 0.2

        def most(i, taken, near=near):
            if i == 6:
                return 0
            return max(
                most(i + 1, taken),
                *(
                    1 + most(i + 1, taken | {j})
                    for j in range(6)
                    if near[i, j] and j not in taken
                ),
                0,
            )

        assert found.hits == most(0, frozenset())


def test_pairs_of_raters_and_the_matrix_of_a_label():
    raters = {
        "A": said(("x", 0, 10), ("y", 15, 20)),
        "B": said(("x", 5, 10), ("y", 15, 20)),
        "C": said(("x", 12, 14)),
    }
    table = agreement.pairwise(raters)
    x = agreement.matrix(table, "x")
    assert x.loc["A", "B"] == x.loc["B", "A"] == pytest.approx(10 / 15)
    assert x.loc["A", "C"] == 0 and x.loc["C", "C"] == 1
    row = table[(table["one"] == "A") & (table["other"] == "B")].set_index("label")
    assert row.loc["x", "bout_f1"] == 1 and row.loc["x", "onset_s"] == pytest.approx(0.5)
    assert row.loc["y", "kappa"] == pytest.approx(1)
    with pytest.raises(InputError, match="no label"):
        agreement.matrix(table, "z")


def test_frames_that_one_did_not_assess_do_not_count():
    one, other = said(("x", 0, 10)), said(("x", 5, 10))
    span = pd.DataFrame({"recording": ["a"], "start_frame": 5, "stop_frame": 20})
    later = build(other.bouts, other.scheme, span, other.recordings)
    assert agreement.pairwise({"A": one, "B": later})["f1"].iloc[0] == 1


def test_a_consensus_is_what_most_say_with_a_rule_for_ties():
    one, two = said(("x", 0, 10)), said(("x", 5, 15))
    three = said(("x", 8, 12), ("y", 0, 3))
    most = agreement.consensus([one, two, three])
    assert most.bouts[["label", "start_frame", "stop_frame"]].values.tolist() == [["x", 5, 12]]
    assert most.bouts["probability"].iloc[0] == pytest.approx((3 * 2 + 2 * 3 + 2 * 2) / 21)
    for ties, span in (("absent", [5, 10]), ("present", [0, 15]), ("unknown", [5, 10])):
        found = agreement.consensus([one, two], ties=ties)
        assert found.bouts[["start_frame", "stop_frame"]].values.tolist() == [span]
        assert found.observed[["start_frame", "stop_frame"]].values.tolist() == (
            [[5, 10], [15, 20]] if ties == "unknown" else []
        )
    with pytest.raises(InputError, match="two raters"):
        agreement.consensus([one])


@pytest.fixture(scope="module")
def rearing(data):
    """Raters of ten recordings, and the rows of these as sequences of clusters."""
    folder = data / "mouse_rearing"
    table = pd.read_csv(folder / "raters.csv", sep=";")
    files = {path.stem: path for path in (folder / "syllables").glob("*.csv")}
    table["recording"] = [
        max((k for k in files if name.startswith(k)), key=len) for name in table["DLCFile"]
    ]
    names = sorted(set(table["recording"]))
    rows = {name: pd.read_csv(files[name], sep=";") for name in names}
    times = {name: (AHEAD + np.arange(len(rows[name]))) / FPS for name in names}
    table = table[table["type"].isin(KINDS)]  # Start/End, StartEnd, _DEFAULT are no behaviours
    clocks = pd.DataFrame({"recording": names})
    raters = {}
    for rater, own in table.groupby("Experimenter"):
        told = own.rename(columns={"type": "label", "from": "start_s", "to": "stop_s"})
        told = told[["recording", "label", "start_s", "stop_s"]].assign(annotator=rater)
        told = united(told)[0]  # some click a second bout before the first one ends
        raters[rater] = clocked(build(told, recordings=clocks), times)
    return raters, rows


def test_agreement_of_three_raters_is_that_of_the_specification(rearing):
    table = agreement.pairwise(rearing[0], KINDS)
    order = [("Furkan", "Jin"), ("Jin", "Oliver"), ("Furkan", "Oliver")]
    wanted = {
        "Supported": (0.88, 0.91, 0.88),
        "Unsupported": (0.69, 0.77, 0.71),
        "Grooming": (0.61, 0.67, 0.66),
    }
    for label, values in wanted.items():
        square = agreement.matrix(table, label)
        for (one, other), value in zip(order, values, strict=True):
            assert square.loc[one, other] == pytest.approx(value, abs=0.01)


def test_the_rearing_classifier_against_the_vote_is_that_of_the_specification(rearing):
    raters, rows = rearing
    vote = agreement.consensus(list(raters.values()), KINDS)
    own = pack(
        [row["rear.classifier"].map({"Supported": 0, "Unsupported": 1}).fillna(-1).astype(int)
         .to_numpy() for row in rows.values()], rows, FPS, 2,
    )  # fmt: skip
    for label, value in zip(KINDS[:2], (0.944, 0.867), strict=True):
        people = sequences(select(vote, label=label), [label])
        here, there = own.valid & (own.values == KINDS.index(label)), people.valid
        assert agreement.f1(here, there) == pytest.approx(value, abs=0.01)


def test_clusters_against_the_vote_are_those_of_the_specification(rearing):
    raters, rows = rearing
    vote = agreement.consensus(list(raters.values()), KINDS)
    people = sequences(vote, KINDS, background="none", first_wins=True)
    clusters = pack(
        [row["kmeans.25"].fillna(-1).astype(int).to_numpy() for row in rows.values()], rows, FPS
    )
    table = compare.contingency(clusters, people)
    assert table.max(axis=1).sum() / table.sum() == pytest.approx(0.801, abs=0.01)
    assert table.sum(axis=0).max() / table.sum() == pytest.approx(0.719, abs=0.01)
    assert compare.agreement(table).mutual == pytest.approx(0.124, abs=0.01)
    both = clusters.valid & people.valid
    other = normalized_mutual_info_score(clusters.values[both], people.values[both])
    assert compare.agreement(table).mutual == pytest.approx(other)


def test_simple_rules_for_freezing_are_as_good_as_the_specification_says(data):
    """A published tool against the person, and a threshold on the speed of the tail base."""
    h5py = pytest.importorskip("h5py")
    folder = data / "mouse_freezing" / "demo1"
    with h5py.File(folder / "hB_demo1_manual_annotations.mat.mat") as file:
        person = file["hBehavior/Freezing/Vector"][:, 0].astype(bool)
    kept = loadmat(folder / "demo1_video.avi_analyzed" / "Behavior.mat", simplify_cells=True)
    tool = np.asarray(kept["Behavior"]["Freezing"]["Vector"]).astype(bool)
    assert agreement.f1(person, tool) == pytest.approx(0.903, abs=0.001)
    table = pd.read_csv(folder / "demo1_tracking.csv", header=None, skiprows=3)
    names = pd.read_csv(folder / "demo1_tracking.csv", header=None, nrows=2).iloc[1, 1:]
    at = 1 + names.tolist().index("Tailbase")
    steps = np.gradient(table.iloc[:, at : at + 2].to_numpy(np.float64), axis=0)
    speed = uniform_filter1d(np.hypot(*steps.T), 75)  # 1.5 s
    rules = [agreement.f1(person, speed < limit) for limit in np.quantile(speed, SHARES)]
    assert max(rules) == pytest.approx(0.742, abs=0.01)


def test_freezing_bouts_of_a_person_are_those_of_the_vector(data):
    h5py = pytest.importorskip("h5py")
    from gambol.core.ethogram_frames import Channel, Frames, dense, from_frames

    path = data / "mouse_freezing" / "demo1" / "hB_demo1_manual_annotations.mat.mat"
    with h5py.File(path, "r") as file:
        vector = file["hBehavior/Freezing/Vector"][:, 0].astype(bool)
        edges = file["hBehavior/Freezing/Bouts"][:].T  # first and last frame, from 1
    shown = Frames((Channel("", "", "freezing"),), vector[:, None],
                   np.zeros((len(vector), 1), bool), np.ones(len(vector), bool))  # fmt: skip
    made = from_frames(shown, "demo1", 50.0)
    assert len(made.bouts) == 20 and vector.mean() == pytest.approx(0.228, abs=0.001)
    assert made.bouts["stop_frame"].tolist() == edges[:, 1].tolist()
    assert made.bouts["start_frame"].tolist() == (edges[:, 0] - 1).tolist()
    np.testing.assert_array_equal(dense(made, "demo1").active[:, 0], vector)
