"""Recordings that are longer than a piece: the same poses, and what a killed run leaves."""

import numpy as np
import pytest
from longfilm import film, two

from gambol.core import poses
from gambol.core.shares import Share
from gambol.io import poses as io_poses
from gambol.stages import triangulate, triangulate_pieces, triangulate_views
from gambol.stages.triangulate import TriangulateConfig

PIECE = 200
SMALL = {"robust": {}, "distance": {"window": 100}, "gimbal": {"window": 100, "states": 3}}


def config(kind, piece=PIECE, **more):
    tier = {"kind": kind, **SMALL.get(kind, {})}
    return TriangulateConfig.from_values({"tier": tier, "piece": piece, **more}, "here")


def run(folder, out, cfg, **more):
    return triangulate.run(cfg, [folder / "views"], folder / "rig.toml", out, **more)


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walked")
    return folder, film(folder)[1]


@pytest.mark.parametrize("kind", ["dlt", "robust", "distance"])
def test_pieces_join_to_what_is_solved_at_once(walked, kind, tmp_path):
    """Both learn from all 650 frames, as a thousand are always learned from."""
    folder, xyz = walked
    cut, whole = (
        io_poses.read(run(folder, tmp_path / f"{n}.nc", config(kind, n)).poses)
        for n in (PIECE, 1000)
    )
    off = np.linalg.norm(poses.xy(cut) - poses.xy(whole), axis=-1)
    assert np.nanmax(off) < 0.01  # mm, at the cuts too
    assert np.nanmean(np.linalg.norm(poses.xy(cut)[:, 0] - xyz, axis=-1)) < 3
    for name, values in whole.data_vars.items():
        assert cut[name].dims == values.dims and cut[name].dtype == values.dtype
        np.testing.assert_allclose(cut[name], values, atol=0.01, rtol=1e-3)
    for axis in whole.coords:
        np.testing.assert_array_equal(cut[axis], whole[axis])
    differ = {"settings", "made_from", "provenance", "learned"}
    assert {k: v for k, v in cut.attrs.items() if k not in differ} == {
        k: v for k, v in whole.attrs.items() if k not in differ
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1000.nc", "200.nc"]


def test_shares_in_any_order_join_to_what_one_run_makes(walked, tmp_path):
    folder, _ = walked
    args = (config("distance"), [folder / "views"], folder / "rig.toml", tmp_path / "a.nc")
    places = {triangulate.solve(*args, Share(number, 3)) for number in (2, 0, 1)}
    assert len(places) == 1 and not args[-1].exists()
    seen = []
    triangulate.run(*args, progress=lambda step: seen.append(step.stage))
    assert "views" not in seen  # they are ready, too
    one = io_poses.read(run(folder, tmp_path / "b.nc", args[0]).poses)
    two = io_poses.read(args[-1])
    for name in one.variables:
        np.testing.assert_array_equal(one[name], two[name])
    assert triangulate.solve(*args, Share(0, 3)) is None  # it is finished
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "b.nc"]


def test_a_short_recording_is_left_to_who_joins(walked, tmp_path):
    folder, _ = walked
    args = (config("dlt", 1000), [folder / "views"], folder / "rig.toml", tmp_path / "a.nc")
    assert triangulate.solve(*args, Share(0, 2)) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_poses_of_gimbal_do_not_depend_on_cuts(walked, tmp_path):
    folder, _ = walked
    cfg = config("gimbal")
    run(folder, tmp_path / "a.nc", cfg)
    cut = io_poses.read(tmp_path / "a.nc")
    assert cut.sizes["state"] == 3
    np.testing.assert_allclose(cut["state_probability"].sum("state"), 1, atol=1e-5)
    whole = io_poses.read(run(folder, tmp_path / "b.nc", config("gimbal", 1000)).poses)
    off = np.linalg.norm(poses.xy(cut) - poses.xy(whole), axis=-1)
    assert np.nanmax(off) < 0.01
    np.testing.assert_allclose(cut["heading"], whole["heading"], atol=1e-3)


def test_a_gap_across_a_cut_is_bridged_as_without_one(tmp_path):
    film(tmp_path, hole=True)
    cut, whole = (
        io_poses.read(run(tmp_path, tmp_path / f"{n}.nc", config("robust", n)).poses)
        for n in (PIECE, 1000)
    )
    off = np.linalg.norm(poses.xy(cut) - poses.xy(whole), axis=-1)
    assert off.max() < 0.01  # mm; without what lies beyond the gap it would be 20
    spread = np.trace(poses.covariance(whole), axis1=-2, axis2=-1)
    np.testing.assert_allclose(
        np.trace(poses.covariance(cut), axis1=-2, axis2=-1), spread, rtol=1e-2
    )


@pytest.mark.parametrize(
    "more",
    [
        {"filter_2d": "median", "median_2d": 5},
        {"median_3d": 9},
        {"max_gap": 99},
        {"max_gap": 100},
        {"min_views": 3},
    ],
    ids=str,
)
def test_filters_and_blanks_do_not_feel_cuts(more, tmp_path, monkeypatch):
    monkeypatch.setattr(triangulate_views, "READ", 140)
    film(tmp_path, hole=True)
    cut, whole = (
        io_poses.read(run(tmp_path, tmp_path / f"{n}.nc", config("refine", n, **more)).poses)
        for n in (PIECE, 1000)
    )
    for name in ("position", "confidence", "n_views"):
        np.testing.assert_allclose(cut[name], whole[name], atol=1e-9)
    lost = np.isnan(poses.xy(cut)[150:250, 0, 2]).all()
    assert lost or "median_2d" in more


def test_long_gaps_are_counted_across_cuts(tmp_path):
    film(tmp_path, hole=True)
    filled, blank = (
        io_poses.read(
            run(tmp_path, tmp_path / f"{gap}.nc", config("robust", max_gap=gap)).poses
        )
        for gap in (100, 99)
    )
    assert np.isfinite(poses.xy(filled)).all()
    lost = np.isnan(poses.xy(blank)[..., 0])
    assert lost.sum() == 100 and lost[150:250, 0, 2].all()


@pytest.mark.parametrize("match", ["frames", "tracks", "names"])
def test_animals_keep_their_names_across_cuts(match, tmp_path, monkeypatch):
    monkeypatch.setattr(triangulate_views, "READ", 70)
    _, every = two(tmp_path)
    cut, whole = (
        io_poses.read(run(tmp_path, tmp_path / f"{n}.nc", config("msac", n, match=match)).poses)
        for n in (80, 1000)
    )
    np.testing.assert_allclose(poses.xy(cut), poses.xy(whole), atol=1e-9)
    np.testing.assert_array_equal(cut["individuals"], whole["individuals"])
    if match == "frames":
        for name, xyz in zip(("ann", "bob"), every, strict=True):
            far = np.linalg.norm(poses.xy(cut.sel(individuals=[name]))[:, 0] - xyz, axis=-1)
            assert np.nanpercentile(far, 99) < 8


class Killed(Exception):
    """As if somebody pulled the plug."""


def test_a_killed_run_goes_on_and_ends_the_same(walked, tmp_path, monkeypatch):
    folder, _ = walked
    cfg = config("robust")
    run(folder, tmp_path / "whole.nc", cfg)

    def pull(step):
        if step.stage == "triangulate" and step.done > 2 * PIECE:
            raise Killed

    with pytest.raises(Killed):
        run(folder, tmp_path / "again.nc", cfg, progress=pull)
    assert not (tmp_path / "again.nc").exists()
    begun, real = [], triangulate_pieces.solved

    def count(work, animal, part, *more):
        begun.append(part.begin)
        return real(work, animal, part, *more)

    monkeypatch.setattr(triangulate_pieces, "solved", count)
    run(folder, tmp_path / "again.nc", cfg)
    assert begun == [400]
    a, b = (io_poses.read(tmp_path / name) for name in ("whole.nc", "again.nc"))
    for name, values in a.variables.items():
        assert values.values.tobytes() == b[name].values.tobytes()
    assert a.attrs["learned"] == b.attrs["learned"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.nc", "whole.nc"]


def test_what_was_begun_with_other_settings_is_begun_anew(walked, tmp_path):
    folder, _ = walked

    def pull(step):
        if step.stage == "triangulate":
            raise Killed

    with pytest.raises(Killed):
        run(folder, tmp_path / "a.nc", config("dlt"), progress=pull)
    run(folder, tmp_path / "a.nc", config("msac"))
    assert io_poses.read(tmp_path / "a.nc").attrs["tier"] == "msac"
    with pytest.raises(Killed):
        run(folder, tmp_path / "b.nc", config("dlt"), progress=pull)
    run(folder, tmp_path / "b.nc", config("dlt", 1000))  # short enough now
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "b.nc"]


def test_one_bar_counts_the_frames_of_all_animals(tmp_path):
    two(tmp_path)
    steps = []
    run(tmp_path, tmp_path / "a.nc", config("dlt", 80), progress=steps.append)
    for stage, total in (("views", 300), ("triangulate", 600), ("write", 300)):
        done = [step.done for step in steps if step.stage == stage]
        assert done == sorted(done) and done[-1] == total
        assert {step.total for step in steps if step.stage == stage} == {total}
    assert {step.item for step in steps} == {"a.nc"}


def test_the_summary_is_that_of_the_whole_file(walked, tmp_path):
    folder, _ = walked
    said = run(folder, tmp_path / "a.nc", config("robust"))
    made = io_poses.read(tmp_path / "a.nc")
    far, wrong = (made[n].values for n in ("reprojection_error", "outlier_probability"))
    assert said.reprojection_px == float(np.median(far[np.isfinite(far)]))
    assert said.outliers == pytest.approx(float(np.nanmean(wrong)), rel=1e-5)
    assert said.found == 1.0 and said.frames == 650
    assert triangulate.summary(tmp_path / "a.nc") == said
