"""Scores of many animals: worked cases, the COCO tool used plainly, and slow definitions."""

import contextlib
import io
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from gambol.core import regions
from gambol.core.errors import InputError
from gambol.core.instances import Detections, from_positions
from gambol.core.labels import EVERY, Labels, Region, Visibility
from gambol.core.labels import from_positions as labelled
from gambol.core.skeleton import Skeleton
from gambol.kernels.similarity import areas
from gambol.pose.instances import InstanceScoring, evaluate_instances

FLY = Skeleton(tuple("abcde"), swap=(-1, 2, 1, -1, -1))
FEW = InstanceScoring(resamples=40)
BODY = np.array([[0.0, 0], [30, 12], [30, -12], [60, 0], [90, 5]])


def scene(frames=10, animals=2, seed=0, first=0):
    """Animals in a row, none near another."""
    rng = np.random.default_rng(seed)
    frame = np.repeat(np.arange(frames), animals)
    place = 400.0 * np.tile(np.arange(animals), frames)[:, None] * [1.0, 0.0]
    xy = BODY + place[:, None] + rng.uniform(0, 50, (len(frame), 1, 2))
    zero = np.zeros(len(frame), np.int64)
    return labelled(
        FLY, ("v.mp4",), zero, frame + first, xy, nan_means=Visibility.UNLABELLED
    ), from_positions(frame + first, xy)


def joined(*parts):
    whole = Detections(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return whole.select(np.argsort(whole.frame, kind="stable"))


def score(truth, found, cfg=FEW, **more):
    return evaluate_instances(truth, found, cfg=cfg, **more).summary()


def invented(frames, each, score=2.0):
    """Detections far from everything, by default surer than the real ones."""
    frame = np.repeat(np.arange(frames), each)
    far = (
        BODY
        + np.stack([400.0 * np.arange(len(frame)), np.full(len(frame), 5000.0)], 1)[:, None]
    )
    found = from_positions(frame, far)
    return found._replace(score=np.full(len(frame), score))


def test_perfect_is_one_everywhere():
    got = score(*scene())
    one = ("oks_map", "oks_mar", "oks_map_01", "oks_map_50", "sleap_map", "f1", "precision")
    assert {name: got[name] for name in one} == dict.fromkeys(one, pytest.approx(1.0))
    assert got["count_error"] == got["grouping_error"] == 0.0
    assert (got["n_frames"], got["n_animals"], got["n_matched"]) == (10, 20, 20)
    assert got["matched"]["mean_px"] == got["all"]["mean_px"] == 0.0
    json.dumps(got, allow_nan=False)


def test_every_unmatched_prediction_is_a_false_positive():  # trap 11
    truth, found = scene()
    got = score(truth, joined(found, invented(10, 10)))
    assert got["oks_map"] == pytest.approx(0.1667, abs=1e-4)
    assert got["sleap_map"] == pytest.approx(1.0)
    assert got["precision"] == pytest.approx(2 / 12) and got["recall"] == 1.0
    assert got["count_error"] == 10.0


def test_frames_without_prediction_count():  # trap 11
    truth, found = scene()
    got = score(truth, found.select(found.frame < 5))
    assert got["oks_map"] == pytest.approx(0.5, abs=0.01)
    assert got["oks_mar"] == got["recall"] == pytest.approx(0.5)
    assert got["sleap_map"] == got["sleap_mar"] == pytest.approx(1.0)
    assert got["count_bias"] == -1.0 and got["n_frames"] == 10


def test_frames_without_animals_count():
    truth, found = scene()
    empty = np.stack([np.zeros(3, int), np.arange(10, 13)], axis=1)
    stray = invented(13, 1)
    found = joined(found, stray.select(stray.frame >= 10))
    assert score(truth, found)["oks_map"] == pytest.approx(1.0)
    got = score(replace(truth, negatives=empty), found)
    assert got["oks_map"] == pytest.approx(20 / 23) and got["n_frames"] == 13


@pytest.mark.parametrize("marker", [np.nan, 1e6])
def test_a_missing_keypoint_costs_its_share(marker):  # trap 12
    truth, found = scene()
    xy = found.xy.copy()
    xy[:, 4] = marker
    got = score(truth, found._replace(xy=xy))
    assert got["oks_map"] == pytest.approx(0.70)
    assert got["sleap_map"] == pytest.approx(0.70)


def test_a_detection_without_any_keypoint_is_a_false_positive():  # trap 12
    truth, found = scene()
    lost = found._replace(xy=np.full_like(found.xy, np.nan), score=found.score + 1)
    got = score(truth, joined(found, lost))
    assert got["oks_map"] == pytest.approx(0.5) and got["precision"] == 0.5


def test_forty_animals_in_a_frame_all_count():  # trap 12
    truth, found = scene(3, 40)
    assert score(truth, found)["oks_map"] == pytest.approx(1.0)
    judge = plain_tool(truth, found, 0.025)
    with contextlib.redirect_stdout(io.StringIO()):
        judge.params.maxDets = [20]
        judge.evaluate()
        judge.accumulate()
    assert judge.eval["precision"].mean() == pytest.approx(0.505, abs=1e-3)


def plain_tool(truth, found, sigma):
    """The tool as its users call it, with missing keypoints far away."""
    frames = np.unique(truth.frame)

    def flat(xy):
        seen = np.isfinite(xy).all(axis=-1)
        return np.concatenate(
            [np.where(seen[:, None], xy, 1e5), 2.0 * seen[:, None]], axis=1
        ).ravel()

    size = areas(truth.xy, 90.0)
    with contextlib.redirect_stdout(io.StringIO()):
        known, claimed = COCO(), COCO()
        images = [{"id": int(f)} for f in frames]
        kind = [{"id": 1}]
        known.dataset = {"images": images, "categories": kind, "annotations": [
            {"id": n + 1, "image_id": int(truth.frame[n]), "category_id": 1, "iscrowd": 0,
             "keypoints": flat(truth.xy[n]), "num_keypoints": 1, "area": size[n],
             "bbox": [0, 0, 1, 1]}
            for n in range(len(truth))]}  # fmt: skip
        claimed.dataset = {"images": images, "categories": kind, "annotations": [
            {"id": d + 1, "image_id": int(found.frame[d]), "category_id": 1, "area": 1.0,
             "keypoints": flat(found.xy[d]), "score": found.score[d]}
            for d in range(len(found.frame))]}  # fmt: skip
        known.createIndex()
        claimed.createIndex()
        judge = COCOeval(known, claimed, "keypoints")
        judge.params.kpt_oks_sigmas = np.full(5, sigma)
        judge.params.maxDets, judge.params.areaRng = [1000], [[0, 1e10]]
        judge.params.areaRngLbl = ["all"]
        judge.evaluate()
        judge.accumulate()
    return judge


def noisy(seed, animals=3):
    """Errors of all sizes, missing keypoints on both sides, missed and invented animals."""
    truth, found = scene(12, animals, seed)
    rng = np.random.default_rng(seed + 100)
    codes = truth.visibility.copy()
    codes[rng.random(codes.shape) < 0.15] = Visibility.ABSENT
    xy = np.where((codes == Visibility.VISIBLE)[..., None], truth.xy, np.nan)
    truth = Labels(
        FLY, truth.videos, truth.video, truth.frame, truth.individual, xy, codes, truth.origin
    )
    moved = found.xy + rng.normal(
        0, rng.uniform(0, 6, (len(found.frame), 1, 1)), found.xy.shape
    )
    moved[rng.random(moved.shape[:2]) < 0.1] = np.nan
    found = found._replace(xy=moved, score=rng.random(len(moved)))
    found = found.select(rng.random(len(moved)) < 0.9)
    return truth, joined(found, invented(12, 1, 0.5)), rng


@pytest.mark.parametrize(("seed", "sigma"), list(itertools.product(range(4), (0.025, 0.06))))
def test_strict_scores_equal_the_tool_used_plainly(seed, sigma):
    truth, found, _ = noisy(seed)
    got = score(truth, found, FEW.model_copy(update={"sigma": sigma}), length=90.0)
    want = plain_tool(truth, found, sigma)
    assert got["oks_map"] == pytest.approx(want.eval["precision"].mean(), abs=1e-12)
    assert got["oks_mar"] == pytest.approx(want.eval["recall"].mean(), abs=1e-12)
    assert got["oks_map_50"] == pytest.approx(want.eval["precision"][0].mean(), abs=1e-12)
    wide = plain_tool(truth, found, 0.1).eval
    assert got["oks_map_01"] == pytest.approx(wide["precision"].mean(), abs=1e-12)
    assert got["oks_mar_01"] == pytest.approx(wide["recall"].mean(), abs=1e-12)


def test_intervals_hold_the_scores_and_a_seed_gives_the_same():
    truth, found, _ = noisy(1)
    cfg = InstanceScoring(resamples=300)
    got = score(truth, found, cfg)
    for name, (low, high) in got["intervals"].items():
        assert low <= got[name] <= high, name
    assert got["intervals"]["oks_map"][0] < got["intervals"]["oks_map"][1]
    assert got == score(truth, found, cfg)


def test_blocks_widen_the_interval():
    truth, found = scene(60)
    found = found.select((found.frame // 10) % 2 == 0)
    blocks = np.repeat(np.arange(6), 10)

    def width(**more):
        low, high = score(truth, found, InstanceScoring(resamples=300), **more)["intervals"][
            "recall"
        ]
        return high - low

    assert width(groups=blocks) > 1.5 * width()


def test_sleap_matching_takes_the_surest_prediction_first():
    truth, found = scene(1, 1)
    worse = found._replace(xy=found.xy + 4.0, score=np.array([2.0]))
    assert score(truth, joined(found, worse))["sleap_map"] < 0.5  # the exact one came too late
    assert score(truth, joined(found, worse))["recall"] == 1.0


def test_missed_animals_are_misses_of_localisation():
    truth, found = scene()
    got = score(truth, found.select(np.arange(20) % 2 == 0)._replace())
    assert got["matched"]["n"] == 50 and got["matched"]["n_missing"] == 0
    assert got["all"]["n"] == 100 and got["all"]["n_missing"] == 50
    assert got["all"]["mean_px"] is None and got["all"]["pck"]["0.05"] == 0.5


def test_matches_name_rows_whatever_their_order():
    truth, found, rng = noisy(2)
    mixed = np.lexsort((rng.random(len(found.frame)), found.frame))
    one = evaluate_instances(truth, found, cfg=FEW)
    two = evaluate_instances(truth, found.select(mixed), cfg=FEW)
    hit = one.matched >= 0
    np.testing.assert_array_equal(mixed[two.matched[hit]], one.matched[hit])
    np.testing.assert_array_equal(two.matched >= 0, hit)
    assert one.summary() == two.summary()
    assert len(set(one.matched[hit])) == hit.sum()
    assert (one.similarity[hit] >= 0.5).all() and (one.similarity[~hit] == 0).all()


def test_a_forbidden_pair_is_never_forced():  # traps 4 and 14
    skeleton = Skeleton(("a",))
    zero = np.zeros(2, np.int64)
    known = np.array([[[0.0, 0]], [[0.682, 0]]])
    truth = labelled(skeleton, ("v",), zero, zero, known, nan_means=Visibility.UNLABELLED)
    # OKS .60 and .49 with the one animal, .45 and .00 with the other: .49 + .45 is more
    found = from_positions(zero, np.array([[[0.303, 0]], [[-0.358, 0]]]))
    got = evaluate_instances(truth, found, length=20.0, cfg=FEW)
    assert got.matched.tolist() == [0, -1]


def test_keypoints_of_another_animal_are_grouping_errors():
    truth, found = scene(10, 2)
    xy = found.xy.copy()
    xy[0, 3:], xy[1, 3:] = found.xy[1, 3:], found.xy[0, 3:]  # tails exchanged in one frame
    got = score(truth, found._replace(xy=xy))
    assert got["grouping_error"] == pytest.approx(4 / 100)
    xy = found.xy.copy()
    xy[0, 3:] += 50.0  # wrong, but nobody else's
    assert score(truth, found._replace(xy=xy))["grouping_error"] == 0.0


def test_unlabelled_animals_of_incomplete_frames_are_no_errors():
    truth, found = scene(10, 3)
    two = truth.select(np.arange(30) % 3 < 2)
    assert len(two.incomplete) == 10
    two = replace(two, incomplete=two.incomplete[:4])
    got = score(two, found)
    assert got["precision"] == pytest.approx(20 / 26)
    assert got["count_error"] == 1.0 and got["n_not_judged"] == 4
    ignored = np.arange(30) % 3 == 2
    assert score(two, found, ignored=ignored)["precision"] == 1.0


def test_only_labelled_frames_of_the_right_video_count():
    truth, found = scene(10)
    elsewhere = found._replace(frame=found.frame + 50)
    assert score(truth, joined(found, elsewhere))["n_found"] == 20
    other = np.repeat([0, 1], 20)
    both = Detections(*(np.concatenate([a, a]) for a in found))
    got = score(truth, both, video=other)
    assert got["precision"] == 1.0 and got["n_found"] == 20


def test_options_change_the_score_and_are_printed_with_it():
    truth, found = scene()
    moved = found._replace(xy=found.xy + 3.0)
    base = score(truth, moved)["oks_map"]
    for change in ({"margin": 20.0}, {"area": "length"}, {"sigmas": (0.1,) * 5}):
        got = score(truth, moved, FEW.model_copy(update=change))
        assert got["oks_map"] > base
        name, value = next(iter(change.items()))
        assert got["options"][name] == (list(value) if name == "sigmas" else value)
    assert score(truth, moved, mask_area=np.full(20, 1e6))["oks_map"] == pytest.approx(1.0)
    sides = found._replace(xy=found.xy[:, [0, 2, 1, 3, 4]])
    assert score(truth, sides)["oks_map"] < 0.5
    assert score(truth, sides, FEW.model_copy(update={"symmetric": True}))[
        "oks_map"
    ] == pytest.approx(1.0)
    with pytest.raises(InputError, match="2 values for 5 keypoints"):
        score(truth, found, FEW.model_copy(update={"sigmas": (0.1, 0.1)}))


def test_nothing_found_and_nothing_labelled():
    truth, found = scene()
    got = score(truth, found.select(np.zeros(20, bool)))
    assert got["oks_map"] == got["recall"] == 0.0 and got["precision"] is None
    blank = Labels(
        FLY, truth.videos, truth.video, truth.frame, truth.individual,
        np.full((20, 5, 2), np.nan), np.zeros((20, 5), np.uint8), truth.origin,
    )  # fmt: skip
    got = score(blank, found)
    assert got["oks_map"] is None and got["n_animals"] == 0 and got["precision"] == 0.0
    json.dumps(got, allow_nan=False)
    with pytest.raises(InputError, match="no frame is labelled"):
        score(truth.select(np.zeros(20, bool)), found)


HIDDEN = np.array([[-50.0, 4900], [1e6, 4900], [1e6, 5100], [-50, 5100]])  # where strays are


def test_detections_in_a_region_are_neither_right_nor_wrong():
    truth, found = scene(6, 2)
    found = found._replace(xy=found.xy + np.random.default_rng(1).normal(0, 1, found.xy.shape))
    strays = joined(found, invented(6, 4))
    away = replace(truth, regions=(Region(0, EVERY, HIDDEN),))
    alone, with_region = score(truth, found), score(away, strays)
    assert alone["oks_map"] > score(truth, strays)["oks_map"] + 0.2
    assert with_region.pop("n_not_judged") == 24 and alone.pop("n_not_judged") == 0
    assert with_region == alone
    once = replace(truth, regions=tuple(Region(0, f, HIDDEN) for f in range(3)))
    early = joined(found, strays.select((strays.frame >= 3) & (strays.score > 1.5)))
    assert score(once, strays)["oks_map"] == score(truth, early)["oks_map"]


def test_labelled_animals_in_a_region_do_not_count_whether_found_or_not():
    truth, found = scene(6, 3)
    second = np.arange(len(truth)) % 3 == 1
    side = np.array([[390.0, -50], [560, -50], [560, 200], [390, 200]])  # around the second
    away = replace(truth, regions=(Region(0, EVERY, side),))
    fewer, shown = truth.select(~second), found.select(~second)
    want = score(replace(fewer, incomplete=truth.incomplete), shown)
    for detections in (found, shown):
        got = score(away, detections)
        for name in ("oks_map", "oks_mar", "oks_map_01", "sleap_map", "f1", "count_error"):
            assert got[name] == pytest.approx(want[name])
        assert got["n_animals"] == 12 and got["n_matched"] == 12
    judged = evaluate_instances(away, found, cfg=FEW)
    assert (judged.matched[second] == -1).all() and (judged.matched[~second] >= 0).all()


def test_a_detection_that_shows_an_animal_beside_the_region_counts():
    truth, found = scene(4, 1)
    found = found._replace(xy=found.xy + [2.0, 0.0])
    edges = regions.middles(truth.xy)[:, 0] + 1  # right of the label, left of the detection
    boxes = [np.array([[e, -500], [e, 500], [5e3, 500], [5e3, -500]]) for e in edges]
    away = replace(truth, regions=tuple(Region(0, f, box) for f, box in enumerate(boxes)))
    assert regions.detected_inside(away.regions, truth.pairs, found.xy).all()
    assert not regions.inside(away).any()
    assert score(away, found) == score(truth, found)
    twice = joined(found, found._replace(xy=found.xy + 3, score=found.score / 2))
    got, want = score(away, twice), score(truth, found)
    assert got.pop("n_not_judged") == 4 and want.pop("n_not_judged") == 0
    assert got == want
