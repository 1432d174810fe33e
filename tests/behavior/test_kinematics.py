"""Kinematics of paths whose derivatives are known: lines, circles, parabolas, any clock."""

import numpy as np
import pytest

from gambol.behavior.align import AlignSettings, align
from gambol.behavior.kinematics import kinematics, motion, tortuosity
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track

SKELETON = Skeleton(("nose", "tail"))
SETTINGS = AlignSettings(anterior=("nose",), posterior=("tail",))


def animal(centre, heading, times, fps):
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    xy = np.stack([centre + 10 * ahead, centre - 10 * ahead], axis=1)
    flat = np.ones((len(times), 2))
    return Track("a", xy, flat, flat, times, fps, SKELETON)


def columns_of(track, window_s=0.1):
    aligned = align(track, SETTINGS)
    return {c.name: c for c in kinematics(aligned, track, window_s, 20.0)}


def inner(column):
    return column.values[10:-10]


def circle(fps=60.0, radius=80.0, rate=1.5, slip=0.3):
    """Round and round, facing a little off the path."""
    times = np.arange(600) / fps
    phase = rate * times
    centre = radius * np.stack([np.cos(phase), np.sin(phase)], axis=1)
    return animal(centre, phase + np.pi / 2 - slip, times, fps), radius, rate, slip


def test_a_circle_has_its_speed_turn_and_bend():
    track, radius, rate, slip = circle()
    found = columns_of(track)
    v = radius * rate
    np.testing.assert_allclose(inner(found["body speed"]), v, rtol=1e-3)
    np.testing.assert_allclose(inner(found["body acceleration"]), v * rate, rtol=1e-3)
    np.testing.assert_allclose(inner(found["body jerk"]), v * rate**2, rtol=1e-2)
    np.testing.assert_allclose(inner(found["forward velocity"]), v * np.cos(slip), rtol=1e-3)
    np.testing.assert_allclose(inner(found["sideways velocity"]), v * np.sin(slip), rtol=1e-3)
    np.testing.assert_allclose(inner(found["turning velocity"]), rate, rtol=1e-3)
    np.testing.assert_allclose(inner(found["path curvature"]), 1 / radius, rtol=1e-3)
    arc = 1.0 * rate  # in the window of a second
    expected = arc / (2 * np.sin(arc / 2))
    np.testing.assert_allclose(found["tortuosity"].values[40:-40], expected, rtol=1e-2)


def test_units_and_parts_are_said():
    found = columns_of(circle()[0])
    assert found["nose jerk"].unit == "pixels/s^3" and found["nose jerk"].part == "nose"
    assert found["turning velocity"].unit == "rad/s"
    assert found["body speed"].part == ""


def test_derivatives_are_per_second_at_any_frame_rate_and_clock():
    speeds = []
    for fps in (25.0, 60.0, 120.0):
        speeds.append(np.median(inner(columns_of(circle(fps)[0])["body speed"])))
    np.testing.assert_allclose(speeds, speeds[0], rtol=5e-3)
    times = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.03, 400))
    centre = np.stack([30 * times, 5 * times**2], axis=1)
    track = animal(centre, np.zeros(400), times, 50.0)
    speed = np.hypot(30.0, 10 * times)
    np.testing.assert_allclose(columns_of(track)["body speed"].values[9:-9], speed[9:-9])


def test_mirrors_and_turns_change_what_they_should():
    track = circle()[0]
    mirror = track._replace(xy=track.xy * [1.0, -1.0])
    a, b = columns_of(track), columns_of(mirror)
    for name, column in a.items():
        odd = name in ("sideways velocity", "turning velocity", "path curvature")
        sign = -1.0 if odd else 1.0
        np.testing.assert_allclose(b[name].values, sign * column.values, atol=1e-9)


def test_near_a_long_gap_nothing_is_known():
    track = circle()[0]
    xy = track.xy.copy()
    xy[200:260] = np.nan
    found = columns_of(track._replace(xy=xy))
    gone = np.isnan(found["body speed"].values)
    assert gone[197:263].all() and gone.sum() == 66 + 6  # half a window also at the ends


def test_a_still_animal_has_no_curvature():
    times = np.arange(100) / 50
    track = animal(np.zeros((100, 2)), np.zeros(100), times, 50.0)
    found = columns_of(track)
    assert np.isnan(found["path curvature"].values).all()
    assert np.isnan(found["tortuosity"].values).all()
    np.testing.assert_allclose(motion(align(track, SETTINGS), 0.1).speed[5:-5], 0.0, atol=1e-9)


def test_there_and_back_is_as_tortuous_as_it_gets():
    times = np.arange(101) / 50
    x = np.abs(np.arange(101.0) - 50)
    track = animal(np.stack([x, 0 * x], axis=1), 0 * x, times, 50.0)
    found = tortuosity(np.stack([x, 0 * x], axis=1), track, 1.0)
    assert found[50] == 100.0 and found[25] == pytest.approx(1.0)
