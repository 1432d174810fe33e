import numpy as np
import pytest
from planted_poses import (
    bones,
    covered,
    error,
    filmed,
    gliding,
    gliding_poses,
    model,
    poses,
    rat_starts,
    run,
    shipped,
)
from rats import Rat
from scipy import optimize

from gambol.multiview import articulated, smooth
from gambol.multiview import bones as skeletal
from gambol.multiview import noise as noises

SD = 1.0


def world(seed=0, frames=120, edges=False, **more):
    rng = np.random.default_rng(seed)
    x = poses(rng, frames, sd=SD, tied=bones(SD, edges))
    data, wrong = filmed(rng, x, **more)
    return x, data, wrong


def tied(data, form="direction", edges=False, **more):
    return model(data, **more)._replace(bones=bones(SD, edges), form=form)


def solve(data, given, rough=None, **more):
    rough = run(data, given) if rough is None else rough
    held = smooth.anchor(rough.xyz, data.params)
    return articulated.solve(data, given, rough, held, **more)


@pytest.mark.parametrize("form", ["direction", "radius"])
def test_distance_of_the_rat_from_every_start(data, form):
    """Bar: 7.8 mm with the parameters that came with the frames."""
    rat = Rat(data / "rat_mocap")
    seen, given = shipped(rat)
    given = given._replace(bones=rat.bones(), form=form)
    for x in rat_starts(rat, seen).values():
        found = solve(seen, given, run(seen, given, x))
        assert rat.error(found.xyz) < 7.8
        assert rat.error(found.xyz, rat.usual) < 5.2
        assert found.improper == 0


@pytest.mark.parametrize("form", ["direction", "radius"])
def test_poses_are_where_a_general_minimiser_ends(form):
    x, data, _ = world(frames=3, outliers=0.1, edges=True)
    given = tied(data, form, outliers=0.1, edges=True)
    held = smooth.anchor(x, data.params)
    emission = noises.emission(data, given.noise)

    def energy(flat):
        at = flat.reshape(x.shape)
        walked = (np.diff(at, axis=0) ** 2).sum() / 32
        bent = skeletal.bend(at, given.bones, form).energy.sum()
        return emission.at(at).energy + walked + bent + smooth.hold(held, at)[0].sum()

    found = articulated.window(data, given, x, held)
    other = optimize.minimize(energy, x.ravel(), tol=1e-10)
    assert np.isclose(found.energy, other.fun, atol=1e-3)
    assert np.allclose(found.xyz.ravel(), other.x, atol=0.05)


def test_gliding_poses_are_where_a_general_minimiser_ends():
    """Of an integrated Wiener process; velocities are at their best given positions."""
    x, data, _ = world(frames=3, outliers=0.1)
    data = data._replace(times=np.array([0.0, 1.0, 3.0]))
    given = tied(data, outliers=0.1)._replace(dynamics="velocity")
    held = smooth.anchor(x, data.params)
    emission = noises.emission(data, given.noise)
    links = gliding(data.times, 4.0, 1 / (smooth.AWAY * held.extent / 1.5) ** 2)
    bend = links[0, :, 0] - links[0, :, 1] @ np.linalg.solve(links[1, :, 1], links[1, :, 0])

    def energy(flat):
        at = flat.reshape(x.shape)
        own = emission.at(at).energy + smooth.hold(held, at)[0].sum()
        bent = skeletal.bend(at, given.bones, "direction").energy.sum()
        return own + bent + np.einsum("tja,ts,sja->", at, bend, at) / 2

    found = articulated.window(data, given, x, held)
    other = optimize.minimize(energy, x.ravel(), tol=1e-10)
    assert np.isclose(found.energy, other.fun, atol=1e-3)
    assert np.allclose(found.xyz.ravel(), other.x, atol=0.05)


def glidden(seed, frames=60):
    rng = np.random.default_rng(seed)
    times = np.sort(rng.choice(frames * 4 // 3, frames, replace=False)) / 30
    x = gliding_poses(rng, times, 60.0, bones(SD))
    data, _ = filmed(rng, x, px=6.0, outliers=0.1)
    given = model(data, px=6.0, outliers=0.1, step=60.0)
    given = given._replace(bones=bones(SD), dynamics="velocity")
    return x, data._replace(times=times), given


def test_gliding_poses_are_honest_and_bones_help():
    inside, ratio = [], []
    for seed in range(3):
        x, data, given = glidden(seed)
        rough = run(data, given)
        found = solve(data, given, rough)
        assert found.unsettled == found.improper == 0
        inside.append(covered(found, x))
        ratio.append(error(found.xyz, x) / error(rough.xyz, x))
    half, most = np.mean(inside, axis=0)
    assert 0.43 < half < 0.57
    assert 0.90 < most < 0.98
    assert np.mean(ratio) < 0.93


def test_gliding_poses_in_windows_are_the_whole_also_across_gaps():
    x, data, given = glidden(3, frames=100)
    start = run(data, given)
    whole = solve(data, given, start, size=1000)
    parts = solve(data, given, start, size=40)
    assert np.abs(whole.xyz - parts.xyz).max() < 0.05
    data.xy[40:50] = np.nan  # farther across a cut at 45 than windows overlap
    start = run(data, given)
    whole = solve(data, given, start, size=1000)
    parts = solve(data, given, start, size=45, overlap=3)
    sd = np.sqrt(np.trace(whole.covariance, axis1=-2, axis2=-1))
    assert (np.linalg.norm(whole.xyz - parts.xyz, axis=-1) < sd).all()


def test_ellipsoids_hold_what_they_promise_and_bones_help():
    """Poses drawn from the prior, 10 % missing, without and with outliers."""
    inside, ratio = [], []
    for seed, outliers in ((0, 0.0), (1, 0.0), (2, 0.1), (3, 0.1)):
        x, data, _ = world(seed, outliers=outliers, px=6.0)
        given = tied(data, px=6.0, outliers=outliers)
        plain = run(data, given)
        found = solve(data, given, plain)
        inside.append(covered(found, x))
        ratio.append(error(found.xyz, x) / error(plain.xyz, x))
    half, most = np.mean(inside, axis=0)
    assert 0.45 < half < 0.55
    assert 0.90 < most < 0.98
    assert np.mean(ratio) < 0.93


def test_edges_beyond_the_tree_help_and_ellipsoids_stay_honest():
    inside, ratio = [], []
    for seed, outliers in ((0, 0.0), (1, 0.1), (2, 0.1)):
        x, data, _ = world(seed, outliers=outliers, px=6.0, edges=True)
        rough = run(data, tied(data, px=6.0, outliers=outliers))
        with_, without = (
            solve(data, tied(data, px=6.0, outliers=outliers, edges=edges), rough)
            for edges in (True, False)
        )
        inside.append(covered(with_, x))
        ratio.append(error(with_.xyz, x) / error(without.xyz, x))
    half, most = np.mean(inside, axis=0)
    assert 0.45 < half < 0.55
    assert 0.90 < most < 0.98
    assert np.mean(ratio) < 0.99


def test_rats_drawn_from_their_prior(data):
    """Bar 8: parameters and cameras of a real recording, 26 % outliers, 10 % missing."""
    rat = Rat(data / "rat_mocap")
    _, given = shipped(rat)
    given = given._replace(bones=rat.bones())
    noise, inside, ratio = given.noise, [], []
    middle = np.nanmean(rat.truth, axis=(0, 1))
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x = poses(rng, 80, np.sqrt(given.eta2), tied=given.bones) + middle
        seen, _ = filmed(
            rng, x, px=np.sqrt(noise.inlier), far=np.sqrt(noise.outlier),
            outliers=noise.prior, params=rat.params,
        )  # fmt: skip
        plain = run(seen, given)
        found = solve(seen, given, plain)
        inside.append(covered(found, x))
        ratio.append(error(found.xyz, x) / error(plain.xyz, x))
        known = solve(seen, given, plain._replace(xyz=x))
        assert error(found.xyz, x) < 1.1 * error(known.xyz, x)  # as if begun at the truth
    half, most = np.mean(inside, axis=0)
    assert 0.45 < half < 0.55
    assert 0.90 < most < 0.98
    assert np.mean(ratio) < 0.95


def test_windows_are_the_whole():
    _, data, _ = world(4, frames=150, outliers=0.05)
    given = tied(data, outliers=0.05)
    start = run(data, given)
    whole = solve(data, given, start, size=1000)
    parts = solve(data, given, start, size=40, overlap=articulated.OVERLAP)
    assert np.abs(whole.xyz - parts.xyz).max() < 0.01
    assert np.allclose(whole.covariance, parts.covariance, rtol=0.01, atol=1e-3)


def test_a_gap_across_a_cut_is_bridged_as_in_the_whole():
    """Nothing is seen from 30 frames before to 50 after a cut, farther than windows overlap."""
    x, data, _ = world(7, frames=200)
    data.xy[70:150] = np.nan
    given = tied(data)
    start = run(data, given)
    whole = solve(data, given, start, size=1000)
    parts = solve(data, given, start, size=100, overlap=20)
    off = np.linalg.norm(whole.xyz - parts.xyz, axis=-1)
    sd = np.sqrt(np.trace(whole.covariance, axis1=-2, axis2=-1))
    assert (off < sd / 2).all()
    assert off[:60].max() < 0.05


def test_the_result_is_the_same_for_any_number_of_threads(monkeypatch):
    _, data, _ = world(5, frames=80, outliers=0.1)
    given = tied(data, outliers=0.1)
    start = run(data, given)
    found = []
    for cores in (1, 3):
        monkeypatch.setattr(articulated.windows, "cores", lambda cores=cores: cores)
        found.append(solve(data, given, start, size=30, overlap=10))
    assert np.array_equal(found[0].xyz, found[1].xyz)


@pytest.mark.parametrize("frames", [1, 2, 25])
@pytest.mark.parametrize("views", [2, 6])
def test_what_was_not_seen_has_a_place_and_a_large_covariance(frames, views):
    _, data, _ = world(6, frames=frames, views=views, missing=0.0)
    data.xy[:, :, 3] = np.nan
    if frames > 2:
        data.xy[10:20] = np.nan
    found = solve(data, tied(data, outliers=0.05))
    assert np.isfinite(found.xyz).all()
    sd = np.sqrt(np.trace(found.covariance, axis1=-2, axis2=-1))
    assert np.isfinite(sd).all()
    assert (sd[:, 3] > 2 * sd[:, 1]).all()
    if frames > 2:
        assert (sd[15, :3] > sd[5, :3]).all()
    # a keypoint that no view saw is still tied to its parent
    if frames <= 2:
        r = np.linalg.norm(found.xyz[:, 3] - found.xyz[:, 1], axis=-1)
        assert np.allclose(r, 30.0, atol=3.0)
