"""Several mice together: the approaches they make, their sizes, and their bodies in contact."""

import numpy as np
from jaxtyping import Float, Int

from gambol.simulate import behaviour, mouse
from gambol.simulate.behaviour import STATES, Commands
from gambol.simulate.company import (
    Approach,
    Company,
    inclined,
    lift,
    mingle,
    social,
    subdued,
)
from gambol.simulate.moods import Moods
from gambol.simulate.motion import Motion, Path, embody, move

_NOSE = 74.0  # mm ahead of the hips
APPROACHES = (
    Approach("sniff_face", 3.0, 1.2, _NOSE, ((86.0, 8.0), (80.0, 15.0)), 180.0, other=0.3),
    Approach("sniff_flank", 2.0, 1.0, _NOSE, ((22.0, 20.0), (45.0, 18.0)), 180.0, other=0.4),
    Approach("sniff_rear", 3.0, 1.5, _NOSE, ((-18.0, 3.0),), 190.0, other=0.5),
    Approach("follow", 2.5, 2.5, _NOSE, ((-42.0, 6.0),), 330.0, fleeing=150.0),
    Approach("climb", 1.2, 0.0, 30.0, ((18.0, 100.0),), 130.0, other=0.1, through=True),
    Approach("huddle", 1.5, 3.5, 0.0, ((0.0, 24.0),), 110.0, other=0.0, aligned=True),
)
_HEIGHT = 27.0  # mm, a mouse's back above the floor
# discs that cover a body seen from above: weights of joints, radius in mm
_DISCS = (
    ({"neck": 1.0}, 9.0),
    ({"neck": 0.5, "back": 0.5}, 12.0),
    ({"back": 1.0}, 14.0),
    ({"back": 0.5, "tail_base": 0.5}, 12.5),
)


def move_all(
    rng: np.random.Generator,
    n_animals: int,
    n_frames: int,
    fps: float,
    floor: Float[np.ndarray, "2 2"],
    *,
    identical: bool = False,
    moods: Moods | None = None,
) -> Motion:
    """Let N mice behave, alone as `motion.move` has it, several with and around each other.

    Args:
        rng: draws everything.
        n_animals: N.
        n_frames: T.
        fps: frames per second.
        floor: corners, mm.
        identical: of one size; else sizes have an sd of 7 %.
        moods: states above behaviour, if there are to be some; animals in company are in the
            mood `SOCIAL`.
    """
    if n_animals == 1:
        return move(rng, n_frames, fps, floor, moods)
    lead, total = round(fps), n_frames + round(fps)
    commands = [behaviour.command(rng, total, fps, moods=moods) for _ in range(n_animals)]
    size = np.ones(n_animals)
    if not identical:
        size = 1.0 + 0.07 * rng.standard_normal(n_animals).clip(-2.0, 2.0)
    willing = inclined(commands, moods)
    company = mingle(rng, commands, APPROACHES, fps, floor, idle=6.0, willing=willing)
    calm = [subdued(c, company.still[:, i], fps) for i, c in enumerate(commands)]
    bodies = [
        embody(calm[i], Path(path.xy / size[i], *path[1:]), fps, floor / size[i])
        for i, path in enumerate(company.paths)
    ]
    joints = np.stack([body[0] for body in bodies], axis=1) * size[:, None, None]
    joints[..., 2] += lift(
        rng, company, _discs(joints, size), fps, allowed=5.0, height=_HEIGHT
    )[..., None]
    stance = np.stack([body[1] for body in bodies], axis=1)
    state = np.stack([_state(c, company, i, fps) for i, c in enumerate(commands)], axis=1)
    names = (*STATES, "approach", *(a.name for a in APPROACHES))
    times = np.arange(n_frames) / fps
    mood, known = social(commands, company, moods)
    shown = state[lead:], joints[lead:], stance[lead:], size, mood[lead:]
    return Motion(times, *shown, names, known)


def _discs(joints: np.ndarray, size: np.ndarray) -> Float[np.ndarray, "T N D 3"]:
    weights = np.zeros((len(_DISCS), joints.shape[2]))
    for disc, (where, _) in enumerate(_DISCS):
        for name, share in where.items():
            weights[disc, mouse.JOINT[name]] = share
    centres = weights @ joints[..., :2]
    radii = size[:, None] * np.array([radius for _, radius in _DISCS])
    spread = np.broadcast_to(radii[..., None], (*centres.shape[:-1], 1))
    return np.concatenate([centres, spread], axis=-1)


def _state(commands: Commands, company: Company, i: int, fps: float) -> Int[np.ndarray, " T"]:
    """What an animal is seen to do: its own plan, unless company changes it."""
    speed = np.hypot(*np.gradient(company.paths[i].xy, axis=0).T) * fps
    held = np.where(speed > 80.0, STATES.index("run"), STATES.index("pause"))
    alone = np.where(company.still[:, i] > 1 / 2, held, commands.state)
    through = np.array([a.through for a in APPROACHES])[company.act[:, i]]
    named = company.there[:, i] | through
    social = len(STATES) + np.where(named, 1 + company.act[:, i], 0)
    return np.where(company.act[:, i] >= 0, social, alone)
