"""The batched solver in torch against the reference in numba, window by window."""

import numpy as np
import pytest
import torch
from animals3d import filmed, model, moving

from gambol.kernels import band, rotation, vmf
from gambol.multiview import density, gimbal
from gambol.nn import pose_solver

WINDOWS = 3


@pytest.fixture(scope="module")
def parts():
    """Three windows of ten frames: their models, starts and turns."""
    out = []
    for seed in range(WINDOWS):
        rng = np.random.default_rng(seed)
        given = model(10)
        xyz = moving(rng, given, 30)
        given = filmed(rng, given, xyz)
        turn = rotation.about(given.up, rng.uniform(-3, 3, 10))
        out.append((given, xyz + rng.normal(0, 8, xyz.shape), turn))
    return out


def batch(parts, dtype=torch.float64):
    def one(values):
        return torch.as_tensor(np.ascontiguousarray(values)).to(dtype)

    def many(name):
        return one(np.stack([getattr(given, name) for given, _, _ in parts]))

    first = parts[0][0]
    return pose_solver.Windows(
        many("xy"), one(first.params), many("inlier"), one(first.outlier), many("prior"),
        many("chain"), torch.as_tensor(first.bones.parent), one(first.bones.length),
        one(first.bones.variance), one(first.states.log_weights), one(first.states.directions),
        one(first.states.concentration), one(first.up), one(first.anchor), one(first.hold),
    )  # fmt: skip


def starts(parts, dtype=torch.float64):
    return (torch.as_tensor(np.stack([part[k] for part in parts])).to(dtype) for k in (1, 2))


def distorted(parts, kind):
    params = parts[0][0].params.copy()
    params[:, 0] = kind
    params[:, 5] = 1.5
    params[:, 6:10] = -0.1, 0.02, 0.003, -0.002
    return [(given._replace(params=params), xyz, turn) for given, xyz, turn in parts]


@pytest.mark.parametrize("lens", ["plain", "pinhole", "fisheye", "affine"])
def test_a_step_is_that_of_the_reference(parts, lens):
    if lens in ("pinhole", "fisheye"):
        parts = distorted(parts, {"pinhole": 0, "fisheye": 1}[lens])
    if lens == "affine":
        affine = model(10, affine=True).params
        parts = [(given._replace(params=affine), xyz, turn) for given, xyz, turn in parts]
    given = batch(parts)
    at = pose_solver.evaluate(given, *starts(parts))
    after = pose_solver.step(given, at)
    for w, (one, xyz, turn) in enumerate(parts):
        here = density.evaluate(one, xyz, turn)
        there = gimbal.step(one, here)
        assert float(at.energy[w]) == pytest.approx(here.energy, rel=1e-10)
        np.testing.assert_allclose(at.probs[w], here.probs, atol=1e-9)
        np.testing.assert_allclose(at.outlier[w], np.nan_to_num(here.seen.outlier), atol=1e-9)
        np.testing.assert_allclose(after.turn[w], there.turn, atol=1e-9)
        np.testing.assert_allclose(after.xyz[w], there.xyz, atol=1e-6)


def test_it_ends_where_the_reference_ends(parts):
    found = pose_solver.fit(batch(parts), *starts(parts), steps=1000, tolerance=1e-7)
    for w, (one, xyz, turn) in enumerate(parts):
        at = density.evaluate(one, xyz, turn)
        for _ in range(1000):
            now = gimbal.step(one, at)
            if at.energy - now.energy < 1e-8:
                break
            at = now
        np.testing.assert_allclose(found.xyz[w], at.xyz, atol=0.01)  # mm


@pytest.mark.parametrize("variance", [50.0**2, 1e8])
def test_single_precision_differs_by_less_than_a_fiftieth_of_a_millimetre(parts, variance):
    """Also where the root's place is as good as unknown, mm²."""
    parts = [(g._replace(hold=np.where(g.hold > 0, 1 / variance, 0.0)), *p) for g, *p in parts]
    exact = pose_solver.fit(batch(parts), *starts(parts), steps=60, tolerance=0.0)
    single = pose_solver.fit(
        batch(parts, torch.float32), *starts(parts, torch.float32), steps=60, tolerance=0.0
    )
    assert float((exact.xyz - single.xyz).abs().max()) < 0.02


def test_systems_are_solved_as_by_the_band():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((2, 5, 6, 6))
    blocks = root @ root.transpose(0, 1, 3, 2) + 10 * np.eye(6)
    chain, right = rng.uniform(0, 2, (2, 4, 6)), rng.standard_normal((2, 5, 6))
    found = pose_solver.solve(*(torch.as_tensor(part) for part in (blocks, chain, right)))
    for w in range(2):
        expected = band.solve(band.factor(blocks[w], chain[w]), right[w])
        np.testing.assert_allclose(found[w], expected, atol=1e-12)


def test_directions_have_the_same_functions():
    kappa = np.array([0.0, 1e-3, 0.019, 0.021, 3.0, 400.0])
    given = torch.as_tensor(kappa)
    np.testing.assert_allclose(
        pose_solver.log_normalizer(given), [vmf.log_normalizer(k) for k in kappa], rtol=1e-12
    )
    np.testing.assert_allclose(
        pose_solver.mean_length(given), [vmf.mean_length(k) for k in kappa], rtol=1e-9
    )
