"""Training for two drawn animals: both approaches, stopped, repeated, and refused settings."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from pairs import EDGES, ask_to_stop, film, labels_of, small, trained
from safetensors.torch import load_file

from gambol.core.errors import InputError
from gambol.core.labels import Origin, Visibility
from gambol.core.skeleton import Skeleton
from gambol.io import detections as io_detections
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.pose import choose_many, splits
from gambol.pose.train import Stopped
from gambol.stages import predict, train, trained_many

WAYS = ("top-down", "bottom-up")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="module")
def pair(base):
    return film(base / "pair")


@pytest.mark.parametrize("way", WAYS)
def test_learns_where_both_animals_are(base, way):
    _, run = trained(base, way)
    scores = json.loads((run / "metrics.json").read_text())
    assert scores["mean_px"] < 1.5 and scores["n_frames"] == 6  # 0.4 px, of bodies of 28 px
    animals = scores["animals"]
    assert animals["n_animals"] == 12 and animals["oks_map_01"] > 0.8
    assert animals["grouping_error"] == 0
    model = io_run.load(run).model
    assert model.approach == way and model.many.most == 2
    assert model.many.individuals == ("ann", "bob")
    told = json.loads((run / "provenance.json").read_text())
    assert told["approach"] == way and told["stage"] == "train"


def test_top_down_leaves_two_networks_with_their_share_of_the_budget(base):
    _, run = trained(base, "top-down")
    assert {p.name for p in (run / "centroid").iterdir()} == {
        "weights.safetensors", "last.safetensors", "log.jsonl", "fitted.json",
    }  # fmt: skip
    steps = [io_run.read_log(folder)[-1]["step"] for folder in (run / "centroid", run)]
    assert steps == [40, 120]
    model = io_run.load(run).model
    assert model.many.centroid.keypoints == ("centroid", "ahead") and model.many.edges == ()
    assert len(model.many.shape.xy) == 3  # these two do not always look the same way
    assert model.many.apart == pytest.approx(0.3 * model.body_px)
    assert 0.1 <= model.many.threshold <= 0.6


def test_bottom_up_leaves_one_network_with_fields_and_fitted_links(base):
    pair, run = trained(base, "bottom-up")
    assert not (run / "centroid").exists()
    model = io_run.load(run).model
    kinds = [one.kind for one in model.spec.outputs]
    assert kinds == ["confidence", "fields"] and model.many.edges == ((0, 1), (1, 2))
    assert model.many.links["longest"] == pytest.approx([1.5 * 14] * 2)
    assert all(slope > 0 for slope in model.many.links["slope"])


@pytest.mark.parametrize("way", WAYS)
def test_a_finished_run_is_kept_and_never_overwritten(base, way):
    pair, run = trained(base, way)
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file()}
    said = []
    train.run(small(way), pair.labels, run, threads=1, say=said.append)
    assert said == [f"{run} is finished and current"]
    with pytest.raises(InputError, match="choose another --out"):
        train.run(small(way, 161), pair.labels, run, threads=1)
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file()} == before


def brief(way, **changes):
    cfg = small(way, 32)
    return cfg.override(["fit.evaluate_every=3", *(f"{k}={v}" for k, v in changes.items())])


class Stop:
    """Asks once to stop, at the first evaluation of a phase."""

    def __init__(self, phase):
        self.phase, self.heard = phase, []

    def __call__(self, step):
        self.heard.append(step.stage)
        if step.stage == self.phase:
            self.phase = None
            ask_to_stop()


@pytest.mark.parametrize("way", WAYS)
def test_stopped_in_any_phase_it_ends_with_the_same_networks(pair, tmp_path, way):
    whole = train.run(brief(way), pair.labels, tmp_path / "whole", threads=1)
    broken = tmp_path / "broken"
    phases = ["find animals", "train"] if way == "top-down" else ["train"]
    for phase in phases:
        with pytest.raises(Stopped):
            train.run(brief(way), pair.labels, broken, threads=1, progress=Stop(phase))
        assert not io_run.is_finished(broken)
    with pytest.raises(InputError, match="unfinished run with other settings"):
        train.run(brief(way, **{"fit.seed": 1}), pair.labels, broken, threads=1)
    last = Stop(None)
    train.run(brief(way), pair.labels, broken, threads=1, progress=last)
    assert set(last.heard) == {"train"}  # what was finished was not repeated
    files = [p.relative_to(whole) for p in whole.rglob("*.safetensors")]
    assert len(files) == (4 if way == "top-down" else 2)
    for file in files:
        one, other = load_file(whole / file), load_file(broken / file)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=f"{file} {name}")
    assert (whole / "model.json").read_text() == (broken / "model.json").read_text()


@pytest.mark.parametrize("way", WAYS)
def test_without_an_approach_it_is_bottom_up_where_edges_join_large_animals(
    pair, tmp_path, way
):
    said = []
    edges = way == "bottom-up"  # given by the settings alone, for the table keeps no bones
    cfg = small(way, 8).model_copy(update={"approach": None})
    run = train.run(cfg, pair.labels, tmp_path / "run", threads=1, say=said.append)
    labels = io_labels.load(pair.labels)
    made, reason = choose_many.approach(labels.xy, 2, (128, 96), edges)
    assert io_run.load(run).model.approach == made == way and said[0] == reason


def test_what_the_settings_say_of_crops_and_centroids_is_done(pair, tmp_path):
    said = []
    cfg = small(
        "top-down", 8, anchor="middle", crop=70, centroid_scale=0.5, centroid_share=0.5,
        upright=False,
    )  # fmt: skip
    run = train.run(cfg, pair.labels, tmp_path / "run", threads=1, say=said.append)
    many = io_run.load(run).model.many
    assert (many.anchor, many.side, many.centroid_scale) == ("middle", 72, 0.5)
    assert "crops: 72 px, as the settings say" in said
    assert many.shape is None and many.centroid.keypoints == ("centroid",)
    # what follows from the scale follows from the one that is used: 14 px need 32 px of view
    assert many.centroid.backbone.depth == choose_many.centroids(28.0, 0.5).depth == 2
    assert io_run.read_log(run / "centroid")[-1]["step"] == 4
    held = io_run.read_heldout(run)
    assert {image.shape for image in held.images} == {(72, 72, 1)}


@pytest.mark.parametrize(
    "way, changes, words",
    [
        ("top-down", {"many.anchor": "nos"}, "no keypoint 'nos' in the labels; did you mean"),
        ("top-down", {"many.anchor": "wing"}, "no keypoint 'wing' .*nose, middle, tail"),
        ("bottom-up", {"many.edges": "[[nose, wing]]"}, "no keypoint 'wing'"),
        ("bottom-up", {"many.edges": "[[nose, tail]]"}, "2 parts .nose, tail; middle."),
        ("bottom-up", {"many.edges": "[]"}, "3 parts"),
        ("bottom-up", {"many.edges": "null"}, "3 parts"),  # the table keeps no bones
        (
            "bottom-up",
            {"many.edges": "[[nose, middle], [middle, tail], [tail, nose]]"},
            "tail-nose close cycles",
        ),
        ("bottom-up", {"many.edges": "[[nose, nose]]", "many.grouping": "graph"}, "parts"),
        ("bottom-up", {"many.relabel": True}, "no keypoint of the labels has a partner"),
        ("bottom-up", {"output": "{kind: simcc}"}, "confidence maps, not output 'simcc'"),
        ("single", {}, "20 frames have several labelled animals"),
        ("top-down", {"many.centroid_share": 1.5}, "less than 1"),
        ("top-down", {"approach": "topdown"}, "approach"),
        ("top-down", {"start": "imagenet"}, "no package carries weights of unet"),
        ("bottom-up", {"start": "nowhere.pth"}, "nowhere.pth does not exist"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_a_sentence(
    pair, tmp_path, way, changes, words
):
    with pytest.raises(InputError, match=words) as error:
        train.run(brief(way, **changes), pair.labels, tmp_path / "run", threads=1)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run" / "weights.safetensors").exists()


def test_fields_of_a_network_without_such_cells_have_those_of_the_keypoints(pair, tmp_path):
    cfg = brief("bottom-up", backbone="{kind: leap, filters: 8}")
    run = train.run(cfg, pair.labels, tmp_path / "run", threads=1)
    assert [one.stride for one in io_run.load(run).net.outputs] == [1, 1]


def test_cycles_are_allowed_where_the_settings_say_so(pair, tmp_path):
    edges = [*map(list, EDGES), ["tail", "nose"]]
    cfg = brief("bottom-up", **{"many.edges": json.dumps(edges), "many.grouping": "graph"})
    run = train.run(cfg, pair.labels, tmp_path / "run", threads=1)
    assert io_run.load(run).model.many.edges == ((0, 1), (1, 2), (2, 0))


@pytest.mark.slow
def test_parts_of_a_skeleton_are_joined_at_the_centroid(pair, tmp_path):
    said = []
    edges = {"many.edges": "[[middle, tail]]"}  # the nose hangs on nothing
    with pytest.raises(InputError, match="2 parts .nose; middle, tail.*many.join to centroid"):
        train.run(brief("bottom-up", **edges), pair.labels, tmp_path / "run", threads=1)
    cfg = small("bottom-up", join="centroid").override(["many.edges=[[middle, tail]]"])
    run = train.run(cfg, pair.labels, tmp_path / "run", threads=1, say=said.append)
    trained = io_run.load(run)
    # the middle is the root of its part, and lies where the centroid is: the tail stands in
    assert trained.model.many.edges == ((1, 2), (0, 3), (2, 3))
    assert "fields: 3 edges join the keypoints of an animal with its centroid" in said
    assert trained.model.spec.keypoints == ("nose", "middle", "tail")
    scores = json.loads((run / "metrics.json").read_text())
    assert scores["mean_px"] < 1.5 and scores["n_frames"] == 6
    animals = scores["animals"]
    assert animals["oks_map_01"] > 0.8 and animals["grouping_error"] == 0
    held = io_run.read_heldout(run)
    assert held.xy.shape == (12, 3, 2)
    (made,) = predict.run(
        predict.PredictConfig(), run, [pair.video], tmp_path, device="torch", threads=1
    )
    _, found = io_detections.read(made.poses)
    assert found.xy.shape[1:] == (3, 2) and np.median(np.bincount(found.frame)) == 2
    shown = pair.xy[found.frame]
    off = np.linalg.norm(found.xy[:, None] - shown, axis=-1).mean(-1).min(-1)
    assert np.nanmedian(off) < 1.5


def test_parts_that_are_joined_are_seen_together_without_being_asked(pair, tmp_path):
    cfg = brief("bottom-up", **{"many.edges": "null", "many.join": "centroid", "fit.steps": 8})
    cfg = cfg.model_copy(update={"approach": None})
    run = train.run(cfg, pair.labels, tmp_path / "run", threads=1)
    model = io_run.load(run).model
    # the table keeps no bones; the middle of this animal gives no direction
    assert model.approach == "bottom-up" and model.many.edges == ((0, 3), (1, 0), (2, 3))


def test_a_run_keeps_that_sides_are_weighed_anew(pair, tmp_path):
    labels = io_labels.load(pair.labels)
    sided = Skeleton(labels.skeleton.keypoints, (1, -1, 1), swap=(2, -1, 0))
    io_labels.write(replace(labels, skeleton=sided), tmp_path / "sided.slp", "slp")
    cfg = brief("bottom-up", **{"many.relabel": True})
    run = train.run(cfg, tmp_path / "sided.slp", tmp_path / "run", threads=1)
    assert io_run.load(run).model.many.relabel


def test_a_learned_graph_is_kept_where_it_finds_animals_better(pair, tmp_path, monkeypatch):
    cfg = brief("bottom-up", **{"many.grouping": "learned"})
    said = []
    run = train.run(cfg, pair.labels, tmp_path / "own", threads=1, say=said.append)
    model = io_run.load(run).model
    assert model.spec.outputs[1].edges == ((0, 1), (1, 2), (0, 2))
    (reason,) = [one for one in said if one.startswith("fields")]
    if len(model.many.edges) == 2 and model.many.edges == ((0, 1), (1, 2)):
        assert reason.endswith("no others find more")
    else:
        scores = json.loads((run / "metrics.json").read_text())["animals"]
        assert reason.endswith(f"to {scores['oks_map']:.3f}")
    tried = []

    def worth(ready, finder):
        tried.append(finder.links.edges.tolist())
        return len(tried) / 10

    monkeypatch.setattr(trained_many, "strict_ap", worth)
    (run / "model.json").unlink()  # what was trained is not trained again
    train.run(cfg, pair.labels, run, threads=1, say=said.append)
    assert said[-1].endswith("raise strict AP on validation from 0.100 to 0.400")
    assert tried[0] == [[0, 1], [1, 2]] and tried[3] == [[0, 1], [1, 2], [0, 2]]
    assert io_run.load(run).model.many.edges == ((0, 1), (1, 2), (0, 2))


def points_only(pair):
    """The same labels with one keypoint."""
    whole = labels_of(pair.video, pair.xy, np.arange(0, 40, 2))
    return replace(
        whole,
        skeleton=Skeleton(("nose",)),
        xy=whole.xy[:, :1],
        visibility=whole.visibility[:, :1],
    )


def test_single_points_are_found_one_by_one(pair, tmp_path):
    # trap 10: animals without any extent
    io_labels.write(points_only(pair), tmp_path / "points.csv", "csv")
    with pytest.raises(InputError, match="have only one; set approach to top-down"):
        train.run(brief("bottom-up", **{"many.edges": "[]"}), tmp_path / "points.csv",
                  tmp_path / "up", threads=1)  # fmt: skip
    run = train.run(brief("top-down"), tmp_path / "points.csv", tmp_path / "run", threads=1)
    scores = json.loads((run / "metrics.json").read_text())
    assert scores["animals"]["n_animals"] == 12


def odd_labels(pair):
    """Rows in random order; some made by a model, and frames whose animals have no place."""
    whole = labels_of(pair.video, pair.xy, np.arange(0, 40, 2))
    xy, states, origin = whole.xy.copy(), whole.visibility.copy(), whole.origin.copy()
    gone = np.isin(whole.frame, [8, 18, 28])
    xy[gone], states[gone] = np.nan, Visibility.ABSENT
    origin[(whole.individual == 1) & (whole.frame % 4 == 0)] = Origin.MODEL
    order = np.random.default_rng(0).permutation(len(whole))
    return replace(whole, xy=xy, visibility=states, origin=origin).select(order)


@pytest.mark.parametrize("way", ["single", *WAYS])
def test_validation_scores_what_people_labelled_in_any_order(pair, tmp_path, way):
    labels = odd_labels(pair)
    if way == "single":
        labels = labels.select(np.flatnonzero(labels.individual == 0))
    io_labels.write(labels, tmp_path / "odd.csv", "csv")
    labels = io_labels.load(tmp_path / "odd.csv")
    split = splits.blocks(labels, splits.Fractions(0.6))
    split = split._replace(val=np.random.default_rng(1).permutation(split.val))
    cfg = brief(way, **{"fit.steps": 8})
    run = train.run(cfg, tmp_path / "odd.csv", tmp_path / "run", threads=1, rows=split)
    frames = {frame for part, _, frame, _ in io_run.read_split(run) if part == "val"}
    inside = np.isin(labels.frame, sorted(frames))
    real = inside & labels.labelled.any(axis=1) & (labels.origin == Origin.PERSON)
    assert len(frames) > len(set(labels.frame[real])), "no frame whose animals have no place"
    assert way == "single" or (labels.origin[inside] == Origin.MODEL).any()
    held = io_run.read_heldout(run)
    for truth, frame in zip(held.truth, held.frame, strict=True):
        same = np.isclose(labels.xy, truth, equal_nan=True).all(axis=(1, 2))
        assert (same & inside & (labels.frame == frame)).any()
    scores = json.loads((run / "metrics.json").read_text())
    assert scores["n"] == 3 * real.sum()
    if way != "single":
        assert sorted(held.frame.tolist()) == sorted(labels.frame[real].tolist())
        assert scores["animals"]["n_animals"] == real.sum()
        assert scores["animals"]["n_frames"] == len(frames)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_snapshots_find_animals_together(pair, way, tmp_path):
    cfg = small(way, 120).override(["fit.snapshots=2", "split.calib=0.2"])
    folder = train.run(cfg, pair.labels, tmp_path / "run", threads=1)
    run = io_run.load(folder)
    assert run.model.snapshots == 1 and (folder / "snapshot1.safetensors").is_file()
    assert not list((folder / "centroid").glob("snapshot*"))
    told = json.loads((folder / "provenance.json").read_text())["weights_hash"]
    assert told == run.weights_hash and len(told) == (48 if way == "top-down" else 32)
    nets = []
    for name in ("weights", "snapshot1"):
        net = io_run.PoseNet(run.model.spec).eval()
        net.load_state_dict(io_run.read_weights(folder / f"{name}.safetensors"))
        nets.append(net)
    frame = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (1, 1, 64, 64), np.uint8)
    )
    with torch.no_grad():
        answers, each = run.net(frame), [net(frame) for net in nets]
    apart = run.net.position.apart(answers[0].numpy())
    for part, one in zip(apart, each, strict=True):
        np.testing.assert_array_equal(part, one[0].numpy())
    for k in range(1, len(answers)):
        mean = (each[0][k] + each[1][k]) / 2
        torch.testing.assert_close(answers[k], mean)
    done = predict.run(predict.PredictConfig(), folder, [pair.video], tmp_path / "out")[0]
    _, rows = io_detections.read(done.poses)
    off = []
    for frame in range(len(pair.xy)):
        found = rows.xy[rows.frame == frame]
        gap = np.linalg.norm(found[None] - pair.xy[frame][:, None], axis=-1).mean(-1)
        off += np.nanmin(gap, axis=1, initial=np.inf).tolist()
    assert np.median(off) < 2.0
