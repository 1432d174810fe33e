"""Clothes as linear combinations of joints, on a body of two joints."""

import numpy as np

from gambol.simulate.tailor import Tailor, clothe


def test_a_chain_becomes_capsules_between_weighted_joints():
    tailor = Tailor(("trunk",), ("fur",))
    weights = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    tailor.chain("trunk", "fur", weights, np.array([1.0, 2.0, 3.0]), along=5.0)
    joints = np.array([[0.0, 0.0, 1.0], [10.0, 4.0, 1.0]])
    body = clothe(tailor.pattern(), joints, 2.0)
    assert np.allclose(body.start, [[0, 0, 2, 2], [10, 4, 2, 4]])
    assert np.allclose(body.stop, [[10, 4, 2, 4], [20, 8, 2, 6]])
    assert body.along.tolist() == [[5.0, 8.0], [8.0, 11.0]]


def test_one_centre_is_one_sphere():
    tailor = Tailor(("nose",), ("skin",))
    tailor.chain("nose", "skin", np.array([[1.0]]), np.array([2.0]))
    body = clothe(tailor.pattern(), np.array([[[3.0, 4.0, 5.0]]]), 1.0)
    assert np.allclose(body.start, body.stop) and body.start.shape == (1, 1, 4)
