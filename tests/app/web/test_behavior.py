"""Behaviour over the wire: runs, rasters, map, clips, decisions; against a simulation."""

import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from desked import by, studio_of
from labelled import MOUSE
from starlette.applications import Starlette

from gambol.app.web import behavior, edits, feed, project
from gambol.app.web.answers import HANDLERS
from gambol.io import label_map as io_map
from gambol.io import store
from gambol.io.project import Project

sys.path.append(str(Path(__file__).parents[2] / "stages"))
from map_worlds import dataset  # noqa: E402

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the successor of httpx
    from starlette.testclient import TestClient

FPS, T = 50.0, 3000


def labels_of(seed):
    """Bouts of five labels, and gaps without one."""
    rng = np.random.default_rng(seed)
    label = np.repeat(rng.integers(-1, 5, size=400), rng.integers(3, 30, size=400))[:T]
    return np.concatenate([label, np.full(T - len(label), -1)]).astype(np.int16)


def centre_of(seed):
    t = np.arange(T) / FPS
    return np.stack([300 + 80 * np.sin(t + seed), 300 + 60 * np.cos(t)], axis=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with a map and a run of syllables, as their stages write them."""
    folder = tmp_path_factory.mktemp("behaved") / "p"
    Project.create(folder, MOUSE).close()
    for n in range(2):
        label, centre = labels_of(n), centre_of(n)
        stay = np.where(label < 0, -1, label + 1).astype(np.int16)
        stay[label == 0] = 0  # on the way
        place = np.stack([np.cos(label), np.sin(label)], 1) * 10
        place = place + np.random.default_rng(9 + n).normal(size=(T, 2))
        y = np.where((label < 0)[:, None], np.nan, place)
        attrs = {"fps": FPS, "recording": f"day{n}", "individual": "animal",
                 "poses": f"p/poses/day{n}.nc", "made_from": "model"}  # fmt: skip
        heading = ("time", np.linspace(0, 6, T).astype(np.float32))
        about = {"centroid": (("time", "space"), centre.astype(np.float32)), "heading": heading}
        mapped = xr.Dataset(
            {"y": (("time", "axis"), y.astype(np.float32)), "stay": ("time", stay),
             "region": ("time", stay), "syllable": ("time", stay), **about},
            attrs=attrs,
        )  # fmt: skip
        store.write_dataset(mapped, folder / "runs" / "mine" / "deep" / "places" / f"day{n}.nc")
        other = xr.Dataset({"syllable": ("time", label), **about}, attrs=attrs)
        store.write_dataset(other, folder / "runs/syllables-1/out/syllables" / f"day{n}.nc")
        body = np.array([[20, 0], [10, 8], [10, -8], [-10, 5], [-20, 0], [-30, 0.0]])
        store.write_dataset(
            dataset(body[None] + centre[:, None], FPS), folder / "poses" / f"day{n}.nc"
        )
    return folder


@pytest.fixture
def opened(made):
    studio = studio_of(made)
    studio.desk.open()
    routes = [r for m in (behavior, edits, feed, project) for r in m.routes(studio)]
    yield TestClient(Starlette(routes=routes, exception_handlers=HANDLERS)), made
    studio.desk.close()
    for path in made.rglob("label_map.json"):
        path.unlink()


def run_of(client, kind):
    runs = client.get("/api/behavior").json()["runs"]
    return next(run["run"] for run in runs if run["kind"] == kind)


def get(client, path, **asked):
    answer = client.get(f"/api/behavior/{path}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer


def test_runs_are_found_wherever_they_lie_below_the_project(opened):
    client, _ = opened
    runs = {run["kind"]: run for run in client.get("/api/behavior").json()["runs"]}
    assert set(runs) == {"map", "syllables"}
    assert runs["map"]["title"] == "mine/deep" and runs["syllables"]["title"] == "syllables-1"
    assert runs["map"]["place"] == "runs/mine/deep"
    assert runs["syllables"]["place"] == "runs/syllables-1/out"  # where its report lies
    assert [one["frames"] for one in runs["map"]["recordings"]] == [T, T]
    assert runs["map"]["fps"] == FPS and runs["map"]["trouble"] is None
    lacking = client.get("/api/behavior").json()["missing"]
    assert [one["stage"] for one in lacking] == ["states"] and lacking[0]["ready"]
    assert client.get("/api/behavior/b123/labels").status_code == 404


def test_a_raster_has_the_labels_of_every_frame_or_most_of_each_pixel(opened):
    client, _ = opened
    run, truth = run_of(client, "syllables"), labels_of(1)
    seen = get(client, f"{run}/raster", recording="day1", **{"from": 100, "to": 899}, px=800)
    raster = seen.json()
    drawn = np.full(T, -1)
    for first, last, label in raster["runs"]:
        drawn[first : last + 1] = label
    assert raster["exact"] and (drawn[100:900] == truth[100:900]).all()

    coarse = get(client, f"{run}/raster", recording="day1", px=50).json()
    assert not coarse["exact"] and len(coarse["runs"]) <= 50
    edges, shares = np.arange(51) * T // 50, []
    for first, last, label in coarse["runs"]:
        for at in range(np.searchsorted(edges, first), np.searchsorted(edges, last, "right")):
            most = np.bincount(truth[edges[at] : edges[at + 1]] + 1, minlength=6)
            shares.append(most[label + 1] / most.max())
    assert np.mean(shares) > 0.85  # of samples, so not always the most
    # the mean speed is that of the circle
    step = np.hypot(*np.diff(centre_of(1), axis=0).T) * FPS
    assert np.nanmean(coarse["speed"]) == pytest.approx(step.mean(), rel=0.02)


def test_steps_go_from_bout_to_bout(opened):
    client, _ = opened
    run, truth = run_of(client, "syllables"), labels_of(0)
    begins = [t for t in range(1, T) if truth[t] >= 0 and truth[t] != truth[t - 1]]
    at = begins[3] + 1
    on = get(client, f"{run}/bout", recording="day0", frame=at, by=1).json()
    back = get(client, f"{run}/bout", recording="day0", frame=at, by=-1).json()
    assert on["first"] == begins[4] and on["label"] == truth[begins[4]]
    assert (
        back["first"] == begins[3]
        and (truth[back["first"] : back["last"]] == back["label"]).all()
    )
    end = get(client, f"{run}/bout", recording="day0", frame=T - 1, by=1).json()
    assert end["first"] is None


def test_the_map_comes_as_a_sample_and_whole(opened):
    client, _ = opened
    run = run_of(client, "map")
    for asked, n, step in ((1000, 1000, 6), (0, 2 * T, 1)):
        data = get(client, f"{run}/map", n=asked).content
        count, stride = np.frombuffer(data, "<u4", 2)
        assert (count, stride) == (n, step)
        xy = np.frombuffer(data, "<f4", 2 * n, 8).reshape(n, 2)
        region = np.frombuffer(data, "<u2", n, 8 + 8 * n)
        label = np.concatenate([labels_of(0), labels_of(1)])[::step]
        assert (np.isnan(xy[:, 0]) == (label < 0)).all()
        assert (region[label > 0] == label[label > 0] + 1).all()
        assert (region[label <= 0] == 65535).all()
    syllables = run_of(client, "syllables")
    assert client.get(f"/api/behavior/{syllables}/map").status_code == 404


def test_clips_near_a_place_are_the_nearest_and_lie_apart(opened):
    client, _ = opened
    run = run_of(client, "map")
    data = get(client, f"{run}/map", n=0).content
    xy = np.frombuffer(data, "<f4", 4 * T, 8).reshape(-1, 2)
    answer = get(client, f"{run}/clips", x=10 * np.cos(3), y=10 * np.sin(3)).json()
    away = np.hypot(*(xy - [10 * np.cos(3), 10 * np.sin(3)]).T)
    clips = answer["clips"]
    assert len(clips) == 12
    chosen = [int(c["recording"][-1]) * T + c["core"][0] for c in clips]
    assert chosen[0] == np.nanargmin(away)
    # greedily: nothing nearer was left out unless it lies within half a window of one taken
    for frame in np.argsort(away)[: (away <= away[chosen].max()).sum()]:
        near = [abs(frame - c) for c in chosen if c // T == frame // T]
        assert min(near) <= 25
    for clip in clips:
        assert clip["last"] - clip["first"] == 50 and len(clip["place"]) == 51
        centre = centre_of(int(clip["recording"][-1]))[clip["first"]]
        assert clip["place"][0][:2] == pytest.approx(centre, abs=0.01)
        assert clip["label"] == 4
    assert answer["side"] == pytest.approx(2.2 * np.hypot(50, 16), rel=0.01)  # of the body


def test_an_outline_holds_what_lies_inside_of_it(opened):
    client, _ = opened
    run = run_of(client, "map")
    x, y = 10 * np.cos(2), 10 * np.sin(2)
    square = ",".join(
        f"{v:.3f}" for v in (x - 2, y - 2, x + 2, y - 2, x + 2, y + 2, x - 2, y + 2)
    )
    answer = get(client, f"{run}/clips", around=square).json()
    xy = np.frombuffer(get(client, f"{run}/map", n=0).content, "<f4", 4 * T, 8).reshape(-1, 2)
    inside = (abs(xy - [x, y]) < 2).all(axis=1)
    assert answer["total"] == pytest.approx(inside.sum(), abs=2)  # corners are rounded
    for clip in answer["clips"]:
        assert inside[int(clip["recording"][-1]) * T + clip["core"][0]]
    assert client.get(f"/api/behavior/{run}/clips?around=1,2").status_code == 422


def test_bouts_of_a_label_come_in_pages_without_one_twice(opened):
    client, _ = opened
    run = run_of(client, "syllables")
    seen = []
    total = get(client, f"{run}/clips", label=2).json()["total"]
    for at in range(0, total, 12):
        for clip in get(client, f"{run}/clips", label=2, at=at).json()["clips"]:
            first, last = clip["core"]
            own = labels_of(int(clip["recording"][-1]))
            assert (own[first : last + 1] == 2).all() and clip["first"] <= first
            seen.append((clip["recording"], first))
    assert len(seen) == len(set(seen)) == total


def test_poses_of_the_animal_are_those_that_labels_were_made_of(opened):
    client, _ = opened
    run = run_of(client, "map")
    answer = get(client, f"{run}/poses", recording="day1", **{"from": 10, "to": 12})
    shape = tuple(map(int, answer.headers["X-Gambol-Shape"].split(",")))
    xy = np.frombuffer(answer.content, "<f4").reshape(shape)
    assert shape == (3, 6, 3)
    assert xy[:, 4, :2] == pytest.approx(centre_of(1)[10:13] + [-20, 0], abs=1e-3)


def test_decisions_change_labels_and_go_back_and_leave_the_model_alone(opened):
    client, folder = opened
    run = run_of(client, "syllables")
    files = {path: path.read_bytes() for path in folder.rglob("syllables/*.nc")}

    def decide(**said):
        return client.post(f"/api/behavior/{run}/decisions", json=said, headers=by("mei"))

    before = get(client, f"{run}/labels").json()
    usage = {row["id"]: row["usage"] for row in before["labels"]}
    every = np.concatenate([labels_of(0), labels_of(1)])
    assert usage[3] == pytest.approx((every == 3).sum() / (every >= 0).sum())
    assert np.sum(before["next"], axis=1) == pytest.approx(1, abs=1e-3)

    assert decide(do="rename", labels=[3], value="rear").status_code == 200
    after = decide(do="merge", labels=[3, 1]).json()
    merged = next(row for row in after["labels"] if row["name"] == "rear")
    assert merged["members"] == [1, 3] and merged["usage"] == pytest.approx(usage[3] + usage[1])
    raster = get(client, f"{run}/raster", recording="day0", px=4096).json()
    assert all(label != 1 for _, _, label in raster["runs"])
    held = io_map.read(folder / "runs/syllables-1/out/label_map.json")
    assert [d.author for d in held.decisions] == ["mei", "mei"]

    bout = next(r for r in raster["runs"] if r[2] == 2)
    split = decide(do="split", labels=[2], recording="day0", start=bout[0], stop=bout[1] + 1,
                   value="odd").json()  # fmt: skip
    odd = next(row for row in split["labels"] if row["name"] == "odd")
    assert odd["bouts"] == 1
    for _ in range(3):
        last = decide(do="undo").json()
    assert (last["undo"], last["redo"], last["decisions"]) == (0, 3, 3)
    assert [(r["id"], r["usage"]) for r in last["labels"]] == [
        (r["id"], r["usage"]) for r in before["labels"]
    ]
    assert decide(do="redo").json()["undo"] == 1
    wrong = decide(do="rename", labels=[2], value="rear")
    assert wrong.status_code == 422 and "rear" in wrong.json()["message"]
    assert {path: path.read_bytes() for path in files} == files


def test_a_decision_that_is_sent_twice_is_made_once(opened):
    client, folder = opened
    run = run_of(client, "syllables")
    said = {"id": "a" * 8, "do": "note", "labels": [3], "value": "high"}
    first, second = (
        client.post(f"/api/behavior/{run}/decisions", json=said, headers=by("mei"))
        for _ in range(2)
    )
    assert first.json() == second.json()
    assert first.json()["decisions"] == 1
    more = {"id": "b" * 8, "do": "note", "labels": [3], "value": "fast"}
    client.post(f"/api/behavior/{run}/decisions", json=more, headers=by("mei"))
    back = {"id": "c" * 8, "do": "undo"}
    for _ in range(2):  # the answer was lost
        told = client.post(f"/api/behavior/{run}/decisions", json=back, headers=by("mei"))
        assert (told.json()["undo"], told.json()["redo"]) == (1, 1)


def test_undo_is_of_my_own_decisions_and_says_who_built_on_them(opened):
    client, folder = opened
    run = run_of(client, "syllables")

    def decide(who, **said):
        return client.post(f"/api/behavior/{run}/decisions", json=said, headers=by(who))

    def names(answer):
        return {row["name"] for row in answer.json()["labels"]}

    decide("ann", do="rename", labels=[3], value="rear")
    decide("mei", do="rename", labels=[2], value="walk")
    back = decide("ann", do="undo")
    assert "walk" in names(back) and "rear" not in names(back)
    assert "rear" in names(decide("ann", do="redo"))
    decide("mei", do="merge", labels=[3, 1])
    clash = decide("ann", do="undo")
    assert clash.status_code == 409 and clash.json()["code"] == "conflict"
    (theirs,) = clash.json()["theirs"]
    assert (theirs["by"], theirs["key"], theirs["value"]) == ("mei", [3, 1], "merge")
    assert "mei decided about this after you" in clash.json()["message"]
    forced = decide("ann", do="undo", force=True)
    assert names(forced) >= {"walk", "1", "3"} and forced.json()["undo"] == 0


def test_a_bout_that_is_sent_twice_is_scored_once(opened):
    client, folder = opened
    said = {"id": "a" * 8, "do": "add", "recording": "day0", "label": "rear", "first": 3,
            "last": 9, "fps": FPS, "frames": T}  # fmt: skip
    first, second = (
        client.post("/api/bouts", json=said, headers=by("mei")).json() for _ in range(2)
    )
    assert first == second and first["undo"] == 1
    back = {"id": "b" * 8, "do": "undo"}
    for _ in range(2):
        assert client.post("/api/bouts", json=back, headers=by("mei")).json()["redo"] == 1
    shutil.rmtree(folder / "bouts")


def test_bouts_by_hand_are_told_to_all_and_compared_with_the_model(opened):
    client, folder = opened
    run = run_of(client, "syllables")
    said = {"do": "rename", "labels": [2], "value": "rear"}
    assert client.post(f"/api/behavior/{run}/decisions", json=said).status_code == 200
    truth = labels_of(0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], truth == 2, [False]])))
    for first, stop in edges.reshape(-1, 2).tolist():
        bout = {"do": "add", "recording": "day0", "label": "rear", "first": first,
                "last": stop - 1, "fps": FPS, "frames": T}  # fmt: skip
        done = client.post("/api/bouts", json=bout, headers=by("mei"))
        assert done.status_code == 200
    assert client.get("/api/bouts", headers=by("ann")).json()["undo"] == 0
    (row,) = client.get(f"/api/behavior/{run}/agreement").json()
    assert (row["one"], row["other"], row["label"]) == ("mei", "the model", "rear")
    assert row["kappa"] == pytest.approx(1.0)
    half = client.post("/api/bouts", json={"do": "undo"}, headers=by("mei")).json()
    assert len(half["bouts"]) == len(edges) // 2 - 1
    assert client.get(f"/api/behavior/{run}/agreement").json()[0]["kappa"] < 1
    shutil.rmtree(folder / "bouts")


def test_a_damaged_file_is_said_in_a_sentence_and_the_others_go_on(opened):
    client, folder = opened
    inside = folder / "runs" / "broken" / "syllables"
    inside.mkdir(parents=True)
    (inside / "day0.nc").write_bytes(b"nothing")
    try:
        shown = behavior.Behavior(studio_of(folder))
        runs = {run.title: run for run in shown.overview([]).runs}
        assert "day0.nc is no complete netCDF4 file" in runs["broken"].trouble
        assert runs["mine/deep"].trouble is None
    finally:
        shutil.rmtree(inside.parent)
