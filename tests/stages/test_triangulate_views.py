import numpy as np
import pytest
from filmed import ring, see, walk
from longfilm import film, write

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.multiview import associate, filters
from gambol.stages import triangulate_views
from gambol.stages.individuals import Matching


def opened(sources, rig, **more):
    given = {"unseen": (), "fps": None, "ensemble": False, "skeleton": None, **more}
    return triangulate_views.open_sight(sources, rig, None, scratch=sources[0].parent, **given)


def matching(sight, rig, size):
    return Matching(
        "names", associate.Associate(), lambda: sight.parts(size), sight.animals,
        rig.params(), sight.skeleton,
    )  # fmt: skip


@pytest.mark.parametrize("size", [25, 60])
def test_a_median_over_parts_is_that_over_the_whole(tmp_path, size):
    rig, xyz = ring(3), walk(150)
    uv = see(xyz, rig, missing=0.1)
    uv[70:74, 1, 2] += 300.0
    uv[48:53, 0] = np.nan  # across a border
    write(tmp_path, uv[:, :, None], rig)
    sight = opened([tmp_path / "views"], rig)
    parts = list(triangulate_views.ready(matching(sight, rig, size), filters.median_2d))
    (given,) = sight.parts(150)
    whole = filters.median_2d(given["animal"], 13)
    for what in ("xy", "confidence", "variance"):
        joined = np.concatenate([getattr(one, what) for (one,) in parts])
        np.testing.assert_array_equal(joined, getattr(whole, what))
    assert np.isfinite(whole.xy[48:53, 0]).all() and np.isnan(given["animal"].xy[50, 0]).all()


def test_networks_are_joined_part_by_part(tmp_path):
    rig, xyz = ring(3), walk(60)
    for k in range(2):
        write(tmp_path / f"net{k}", see(xyz, rig, seed=k)[:, :, None], rig)
    folders = [tmp_path / f"net{k}" / "views" for k in range(2)]
    sight = opened(folders, rig, ensemble=True)
    alone = [opened([folder], rig) for folder in folders]
    members = [next(iter(one.parts(60)))["animal"] for one in alone]
    whole = filters.ensemble(members)
    parts = list(sight.parts(17))
    for what in ("xy", "confidence", "variance"):
        joined = np.concatenate([getattr(part["animal"], what) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, what))
    write(tmp_path / "net1", see(walk(50), rig)[:, :, None], rig)
    with pytest.raises(InputError, match="50 frames, .* 60; run all networks"):
        opened(folders, rig, ensemble=True)
    with pytest.raises(InputError, match="give two folders or more"):
        opened(folders[:1], rig, ensemble=True)


def test_a_skeleton_orders_the_keypoints(tmp_path):
    rig_path, _ = film(tmp_path, frames=20)
    rig = calibration.load(rig_path).rig
    bones = tmp_path / "bones.yaml"
    bones.write_text("keypoints: [head, hip]\nbones: [[hip, head]]\n", encoding="utf-8")
    (given,) = opened([tmp_path / "views"], rig).parts(20)
    (hung,) = opened([tmp_path / "views"], rig, skeleton=bones).parts(20)
    np.testing.assert_array_equal(hung["animal"].xy, given["animal"].xy[:, :, [2, 0]])
    bones.write_text("keypoints: [head, paw]\n", encoding="utf-8")
    with pytest.raises(InputError, match="no keypoint 'paw'; they have hip, spine"):
        opened([tmp_path / "views"], rig, skeleton=bones)


def test_what_is_kept_is_what_was_read(tmp_path):
    rig_path, _ = film(tmp_path, frames=90)
    rig = calibration.load(rig_path).rig
    sight, told = opened([tmp_path / "views"], rig), []
    kept = triangulate_views.keep(
        sight, matching(sight, rig, 40), None, tmp_path / "part", told.append
    )
    (given,) = sight.parts(90)
    np.testing.assert_array_equal(kept.views(0, [(0, 90)]).xy, given["animal"].xy)
    assert [step.done for step in told] == [40, 80, 90] and kept.names == ("animal",)
    np.testing.assert_array_equal(kept.times, sight.times)
