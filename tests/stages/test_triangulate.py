"""From 2D poses of several cameras to 3D, scored against the simulated truth."""

import numpy as np
import pytest
from rigged import film

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.io import store
from gambol.stages import evaluate, triangulate
from gambol.stages.triangulate import TriangulateConfig


def tier(kind, **more):
    return TriangulateConfig.from_values({"tier": {"kind": kind}, **more}, "here")


def test_positions_are_near_the_truth_and_say_how_sure_they_are(views, poses_3d):
    scores = evaluate.run(evaluate.EvaluateConfig(), poses_3d.poses, views.truth)
    assert scores["units"] == "mm" and scores["mpe"] < 4.0
    assert scores["n_missing"] == 0 and 0.8 < scores["coverage95"] <= 1
    assert poses_3d.found == 1.0 and poses_3d.cameras == ("cam_0", "cam_1", "cam_2")
    made = io_poses.read(poses_3d.poses)
    assert made.attrs["units"] == "mm" and made.attrs["fps"] == pytest.approx(30)


def test_a_finished_file_is_kept_and_other_settings_make_it_anew(views, calibrated, tmp_path):
    out = tmp_path / "a.nc"
    triangulate.run(tier("dlt"), [views.views], calibrated.calibration, out)
    first = out.stat().st_mtime_ns
    triangulate.run(tier("dlt"), [views.views], calibrated.calibration, out)
    assert out.stat().st_mtime_ns == first
    triangulate.run(tier("msac"), [views.views], calibrated.calibration, out)
    assert out.stat().st_mtime_ns != first


def test_the_order_of_files_does_not_matter(views, calibrated, tmp_path):
    files = sorted(views.views.glob("*.nc"))
    made = [
        triangulate.run(tier("dlt"), order, calibrated.calibration, tmp_path / f"{n}.nc")
        for n, order in enumerate((files, files[::-1]))
    ]
    a, b = (poses.xy(io_poses.read(one.poses)) for one in made)
    np.testing.assert_array_equal(a, b)


def test_two_animals_are_told_apart_though_cameras_name_them_differently(tmp_path):
    made = film(tmp_path / "sim", animals=2, seconds=1.0, boards=5, seed=5)
    path = made.views / "cam_1.nc"
    swapped = store.read_dataset(path)
    names = swapped["individuals"].values[::-1]
    store.write_dataset(swapped.assign_coords(individuals=names), path)
    found = {}
    for match in ("names", "frames", "tracks"):
        out = triangulate.run(
            tier("dlt", match=match), [made.views], made.rig, tmp_path / f"{match}.nc"
        )
        scores = evaluate.run(evaluate.EvaluateConfig(), out.poses, made.truth)
        found[match] = scores["median"]
        believed = any("taken for the same animal" in note for note in out.remarks)
        assert believed == (match == "names")
    assert found["names"] > 20 > 6 > max(found["frames"], found["tracks"])


def test_gaps_and_lonely_points_are_blanked_on_request(views, calibrated, tmp_path):
    folder = tmp_path / "views"
    folder.mkdir()
    for path in views.views.glob("*.nc"):
        part = store.read_dataset(path)
        part["position"][10:20, :, 0] = np.nan
        store.write_dataset(part, folder / path.name)
    rig = calibrated.calibration
    filled = triangulate.run(tier("robust"), [folder], rig, tmp_path / "a.nc")
    blank = triangulate.run(tier("robust", max_gap=5), [folder], rig, tmp_path / "b.nc")
    whole, holed = (poses.xy(io_poses.read(one.poses))[:, 0, 0] for one in (filled, blank))
    assert np.isfinite(whole).all()
    assert np.flatnonzero(np.isnan(holed[:, 0])).tolist() == list(range(10, 20))
    made = io_poses.read(blank.poses)
    assert (poses.points(made, "confidence")[10:20, 0, 0] == 0).all()


def test_bad_input_is_one_sentence_and_nothing_is_written(views, calibrated, tmp_path):
    rig, out = calibrated.calibration, tmp_path / "out.nc"
    with pytest.raises(InputError, match="two or more views"):
        triangulate.run(tier("dlt"), [views.views / "cam_0.nc"], rig, out)
    with pytest.raises(InputError, match="let its name end in .nc"):
        triangulate.run(tier("dlt"), [views.views], rig, tmp_path / "out.csv")
    other = tmp_path / "video7.nc"
    other.write_bytes((views.views / "cam_0.nc").read_bytes())
    with pytest.raises(InputError, match="names no camera"):
        triangulate.run(tier("dlt"), [other, views.views / "cam_1.nc"], rig, out)
    with pytest.raises(InputError, match="holds no 3D poses of gambol"):
        triangulate.run(tier("dlt"), [views.views], rig, other)
    with pytest.raises(InputError, match="no tier 'gimbel'; did you mean 'gimbal'"):
        tier("gimbel")
    with pytest.raises(InputError, match="takes no pose prior"):
        triangulate.run(tier("dlt"), [views.views], rig, out, prior=views.truth)
    assert not out.exists()


def test_several_networks_are_better_than_one_and_tell_where_they_differ(tmp_path):
    members = [film(tmp_path / f"net{k}", seconds=1.0, boards=5, seed=9) for k in range(3)]
    rng = np.random.default_rng(0)
    for one in members:  # the same film, seen by networks that err on their own
        for path in one.views.glob("*.nc"):
            part = store.read_dataset(path)
            part["position"] = part["position"] + rng.normal(0, 3.0, part["position"].shape)
            store.write_dataset(part, path)
    folders, rig, truth = [one.views for one in members], members[0].rig, members[0].truth
    cfg = tier("msac", ensemble=True)
    both = triangulate.run(cfg, folders, rig, tmp_path / "both.nc")
    alone = triangulate.run(tier("msac"), folders[:1], rig, tmp_path / "one.nc")
    scores = [
        evaluate.run(evaluate.EvaluateConfig(), made.poses, truth)["median"]
        for made in (both, alone)
    ]
    assert scores[0] < 0.85 * scores[1]
    with pytest.raises(InputError, match="give two folders or more"):
        triangulate.run(cfg, folders[:1], rig, tmp_path / "no.nc")
