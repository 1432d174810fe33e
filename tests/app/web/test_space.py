"""The 3D screen's server against a simulated rig whose truth is known."""

import numpy as np
import pytest
from desked import step
from spaced import decide, films, points, served, world

from gambol.io import calibration
from gambol.io import poses as io_poses
from gambol.io.project import Project
from gambol.kernels import projection, triangulation


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("space") / "mice.gambol"
    world(path)
    films(path, frames=10)
    return path


@pytest.fixture
def client(folder, request):
    studio, client = served(folder)
    with client:
        yield client
    studio.desk.close()


def run_of(client):
    (run,) = client.get("/api/space").json()["runs"]
    return run


def truth(folder):
    made = io_poses.read(folder / "session" / "truth3d.nc")
    return made.position.transpose("time", "individuals", "keypoints", "space").values


def test_says_which_rigs_runs_and_films_there_are(client):
    space = client.get("/api/space").json()
    (rig,), (run,) = space["rigs"], space["runs"]
    assert rig["title"] == "session/rig.toml" and rig["trouble"] is None
    assert [v["camera"] for v in run["views"]] == rig["cameras"]
    assert all(v["video"] is not None and v["lag"] == 0 for v in run["views"])
    assert run["frames"] == 60 and run["trouble"] is None and run["decisions"] == 0


def test_epipolar_curves_pass_within_a_pixel_of_the_truth(client, folder):
    rig = calibration.read(folder / "session" / "rig.toml")
    xyz = truth(folder)[::7].reshape(-1, 3)[::5]
    image = projection.project(xyz, rig.params()).uv
    name = client.get("/api/space").json()["rigs"][0]["rig"]
    assert any(c.distortion.any() for c in rig.cameras), "lines would be straight"
    checked = 0
    for k in range(len(xyz)):
        for v, camera in enumerate(rig):
            if not np.isfinite(image[:, k]).all():
                continue
            at = {"camera": camera, "x": image[v, k, 0], "y": image[v, k, 1]}
            said = client.post(f"/api/rigs/{name}/epipolar", json=at).json()
            for curve in said["curves"]:
                w = list(rig).index(curve["camera"])
                assert away(image[w, k], curve["parts"]) < 1.0
                checked += 1
    assert checked > 100


def away(point, parts):
    """The distance of a point from polylines."""
    best = np.inf
    for part in np.array(parts, dtype=object):
        line = np.array(list(part), float)
        a, b = line[:-1], line[1:]
        along = b - a
        share = ((point - a) * along).sum(1) / np.maximum((along**2).sum(1), 1e-12)
        foot = a + np.clip(share, 0, 1)[:, None] * along
        best = min(best, np.linalg.norm(foot - point, axis=1).min())
    return best


def test_points_are_those_of_the_file_and_of_the_2d_poses(client, folder):
    run = run_of(client)
    got = points(client, run["run"], 0, 59)
    made = io_poses.read(next((folder / "runs").rglob("mouse.nc")))
    xyz = made.position.transpose("time", "individuals", "keypoints", "space").values
    np.testing.assert_allclose(got["xyz"], xyz.astype(np.float32), equal_nan=True)
    far = made.reprojection_error.transpose("time", "individuals", "keypoints", "view").values
    np.testing.assert_allclose(got["residual"], far, atol=1e-4)
    rig = calibration.read(folder / "session" / "rig.toml").select(list(made.view.values))
    for v, camera in enumerate(rig):
        seen = io_poses.read(folder / "session" / "views" / f"{camera}.nc")
        xy = seen.position.transpose("time", "individuals", "keypoints", "space").values
        np.testing.assert_allclose(got["x"][..., v], xy[..., 0], rtol=1e-5)


def test_a_triangulated_point_is_the_library_s(client, folder):
    run = run_of(client)
    got = points(client, run["run"], 0, 59)
    rig = calibration.read(folder / "session" / "rig.toml")
    xy = np.stack([got["x"], got["y"]], -1)[::6, 0].reshape(-1, len(rig), 2).astype(float)
    library = triangulation.msac(xy, np.isfinite(xy[..., 0]).astype(float), rig.params())
    checked = 0
    for k in np.flatnonzero(library.inlier.sum(1) >= 2)[::3]:
        said = [
            {"camera": c, "x": x, "y": y}
            for c, (x, y) in zip(rig, xy[k].tolist(), strict=True) if np.isfinite(x)
        ]  # fmt: skip
        answer = client.post(
            f"/api/rigs/{run['rig']}/triangulate", json={"points": said}
        ).json()
        squares = triangulation.squared_errors(
            library.points[k : k + 1], xy[k : k + 1], rig.params()
        )
        for camera, far in answer["residual"].items():
            v = list(rig).index(camera)
            assert far == pytest.approx(np.sqrt(squares[0, v]), abs=0.01)
        checked += 1
    assert checked > 20


def test_leaving_a_view_out_is_the_solution_without_it_and_undo_restores(client, folder):
    run = run_of(client)["run"]
    before = points(client, run, 5)
    cameras = [v["camera"] for v in run_of(client)["views"]]
    j = int(np.flatnonzero(np.isfinite(before["x"][0, 0]).sum(-1) == 4)[0])
    assert decide(client, run, "leave", (5, 0, j), camera=cameras[1]).status_code == 200
    after = points(client, run, 5)
    assert after["state"][0, 0, j].tolist() == [0, 1, 0, 0]
    rest = [
        {"camera": c, "x": float(before["x"][0, 0, j, v]), "y": float(before["y"][0, 0, j, v])}
        for v, c in enumerate(cameras) if v != 1
    ]  # fmt: skip
    alone = client.post(f"/api/rigs/{run}/triangulate", json={"points": rest}).json()
    np.testing.assert_allclose(after["xyz"][0, 0, j], alone["xyz"], atol=0.05)
    others = np.arange(before["xyz"].shape[2]) != j
    np.testing.assert_array_equal(after["xyz"][:, :, others], before["xyz"][:, :, others])
    assert step(client, "undo").json()["actions"][0].startswith("3D: leave out")
    again = points(client, run, 5)
    for name in before:
        np.testing.assert_array_equal(again[name], before[name])
    assert step(client, "redo").status_code == 200
    np.testing.assert_array_equal(points(client, run, 5)["xyz"], after["xyz"])
    decide(client, run, "bring", (5, 0, j), camera=cameras[1])
    np.testing.assert_array_equal(points(client, run, 5)["xyz"], before["xyz"])
    for _ in range(2):
        step(client, "undo")
    assert run_of(client)["decisions"] == 0


def test_a_moved_point_counts_and_the_log_replays(client, folder):
    run = run_of(client)["run"]
    camera = run_of(client)["views"][0]["camera"]
    place, uid = (7, 0, 2), "same"
    before = points(client, run, 7)
    x, y = float(before["x"][0, 0, 2, 0]) + 4, float(before["y"][0, 0, 2, 0])
    first = decide(client, run, "move", place, uid=uid, camera=camera, x=x, y=y).json()
    again = decide(client, run, "move", place, uid=uid, camera=camera, x=x, y=y).json()
    assert first == again
    after = points(client, run, 7)
    assert after["x"][0, 0, 2, 0] == np.float32(x) and after["state"][0, 0, 2, 0] == 2
    assert not np.array_equal(after["xyz"][0, 0, 2], before["xyz"][0, 0, 2])
    with Project.open(folder) as project:
        assert project.check() == []
    step(client, "undo")
    np.testing.assert_array_equal(points(client, run, 7)["xyz"], before["xyz"])


def test_the_worst_come_first_and_accepted_ones_last(client):
    run = run_of(client)["run"]
    got = points(client, run, 0, 59)
    queue = client.get(f"/api/runs3d/{run}/worst").json()
    entries, cameras = queue["entries"], [v["camera"] for v in run_of(client)["views"]]
    for v, camera in enumerate(cameras):
        far = got["residual"][..., v]
        assert queue["p95"][camera] == pytest.approx(np.nanpercentile(far, 95), rel=0.05)
    top = entries[0]
    over = got["residual"] / np.array([queue["p95"][c] for c in cameras])
    t, n, j, v = np.unravel_index(np.nanargmax(over), over.shape)
    assert (top["frame"], top["animal"], top["keypoint"], top["camera"]) == (
        t,
        n,
        j,
        cameras[v],
    )
    assert top["ratio"] == max(e["ratio"] for e in entries) and len(entries) == queue["open"]
    decide(client, run, "accept", (top["frame"], top["animal"], top["keypoint"]))
    now = client.get(f"/api/runs3d/{run}/worst").json()
    assert now["entries"][0] != top and now["entries"][-1]["accepted"]
    assert now["open"] < queue["open"]
    step(client, "undo")
    assert client.get(f"/api/runs3d/{run}/worst").json() == queue


def test_the_health_of_cameras(client, folder):
    run = run_of(client)["run"]
    health = client.get(f"/api/runs3d/{run}/health").json()
    assert len(health["cameras"]) == 4 and len(health["pairs"]) == 6
    assert all(1 < c["rms"] < 4 and 0 < c["coverage"] <= 1 for c in health["cameras"])
    rig = calibration.read(folder / "session" / "rig.toml")
    for pair in health["pairs"]:
        a, b = (rig[name].centre for name in pair["cameras"])
        assert pair["baseline"] == pytest.approx(np.linalg.norm(a - b))
        assert 0.5 < pair["rms"] < 4
    assert health["findings"] == []


def test_what_is_not_there_is_said(client):
    run = run_of(client)["run"]
    assert client.get("/api/runs3d/snone/points?from=0").status_code == 404
    assert client.get(f"/api/runs3d/{run}/points?from=60").status_code == 416
    assert client.get("/api/rigs/gnone/cameras").status_code == 404
    lost = decide(client, run, "leave", (0, 0, 0), camera="roof")
    assert lost.status_code == 404 and "roof" in lost.json()["message"]
    assert decide(client, run, "leave", (0, 0, 0)).status_code == 422
    assert decide(client, run, "accept", (0, 0, 99)).status_code == 422
    one = {"points": [{"camera": run_of(client)["views"][0]["camera"], "x": 1, "y": 2}]}
    answer = client.post(f"/api/rigs/{run}/triangulate", json=one)
    assert answer.status_code == 422 and "two views" in answer.json()["message"]
