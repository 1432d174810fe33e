"""Fruit flies on foot: what they do alone and with others, and every joint of their bodies.

Paths are found at the size of a mouse (`company`), where 90 units are a body, and shrunk.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.simulate import behaviour, fly, gait
from gambol.simulate.behaviour import Commands, Habit, ease
from gambol.simulate.company import Approach, Company, inclined, lift, mingle, social
from gambol.simulate.gait import Gait
from gambol.simulate.moods import Mood, Moods
from gambol.simulate.motion import Motion

UNITS = 90.0 / fly.BODY_LENGTH  # units of a path per mm

HABITS = {
    "stand": Habit(0.9, 0, 0.05, 0.10, {"walk": 6, "turn": 3, "groom": 2, "dash": 1}),
    "walk": Habit(1.5, 170, 0.9, 0.06, {"stand": 5, "turn": 3, "dash": 2}),
    "dash": Habit(0.5, 420, 0.8, 0.03, {"walk": 4, "stand": 3}),
    "turn": Habit(0.35, 25, 0.1, 0.08, {"walk": 5, "stand": 3}),
    "groom": Habit(2.5, 0, 0.03, 0.05, {"stand": 3, "walk": 2, "turn": 1}),
}
MOODS = {
    "explore": Mood(9.0, {"walk": 5, "turn": 2, "stand": 1},
                    {"dart": 3, "groom": 2, "rest": 1}),
    "dart": Mood(5.0, {"dash": 4, "walk": 2, "turn": 1}, {"explore": 4, "rest": 1}),
    "groom": Mood(8.0, {"groom": 6, "stand": 1}, {"explore": 3, "rest": 2},
                  linger=1.3, company=0.0),
    "rest": Mood(8.0, {"stand": 8, "groom": 0.2}, {"explore": 3, "groom": 1},
                 linger=2.5, company=0.0),
}  # fmt: skip
_HEAD = fly.HEAD * UNITS
APPROACHES = (
    Approach("chase", 3.0, 2.0, _HEAD, ((-95.0, 8.0),), 520.0, fleeing=190.0),
    Approach("sing", 3.0, 3.0, _HEAD, ((-95.0, 20.0), (-40.0, 72.0)), 330.0, other=0.5),
    Approach("circle", 2.5, 2.5, _HEAD, ((-20.0, 100.0),), 330.0, other=0.3, circling=110.0),
    Approach("touch", 2.5, 1.2, _HEAD, ((-46.0, 4.0), (20.0, 22.0)), 260.0, other=0.25),
    Approach("mount", 1.2, 1.6, 0.0, ((-26.0, 0.0),), 260.0, other=0.0, aligned=True),
    Approach("cross", 1.5, 0.0, 20.0, ((0.0, 115.0),), 220.0, other=0.1, through=True),
)
_SINGING = ("sing", "circle")
_TRIPOD = Gait((0.0, 0.5, 0.5, 0.0, 0.0, 0.5), 1.0, 0.02, 0.35, 0.05)
_HEIGHT = 1.7  # mm, of a fly that stands on another
_ALLOWED = 0.10  # mm that bodies may overlap in mere contact


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
    """Let N flies behave.

    Args:
        rng: draws everything.
        n_animals: N.
        n_frames: T.
        fps: frames per second.
        floor: corners, mm.
        identical: of one size; else every second is a female, a tenth larger, and all vary.
        moods: states above behaviour, if there are to be some; flies in company are in the
            mood `SOCIAL`.
    """
    lead = round(fps)
    total = n_frames + lead
    commands = [behaviour.command(rng, total, fps, HABITS, moods) for _ in range(n_animals)]
    size = np.ones(n_animals)
    if not identical:
        size = np.where(np.arange(n_animals) % 2, 1.07, 0.96)
        size = size + 0.025 * rng.standard_normal(n_animals).clip(-2.0, 2.0)
    company = mingle(
        rng, commands, APPROACHES, fps, UNITS * floor, idle=1.8, walls=0.5,
        willing=inclined(commands, moods),
    )  # fmt: skip
    posed = [_pose(rng, commands[i], company, i, size[i], fps) for i in range(n_animals)]
    joints = np.stack([pose[0] for pose in posed], axis=1)
    discs = _discs(joints, size)
    raised = lift(rng, company, discs, fps, allowed=_ALLOWED, height=_HEIGHT)
    joints[..., 2] += raised[..., None]
    stance = np.stack([pose[1] for pose in posed], axis=1)
    state = np.stack([_state(c, company, i, fps) for i, c in enumerate(commands)], axis=1)
    names = (*HABITS, "approach", *(a.name for a in APPROACHES))
    times = np.arange(n_frames) / fps
    mood, known = social(commands, company, moods)
    shown = state[lead:], joints[lead:], stance[lead:], size, mood[lead:]
    return Motion(times, *shown, names, known)


def _pose(
    rng: np.random.Generator, plan: Commands, company: Company, i: int, size: float, fps: float
) -> tuple[Float[np.ndarray, "T R 3"], Bool[np.ndarray, "T 6"]]:
    """Give a path a body: rigid thorax, trailing abdomen, stepping legs, wings."""
    path = company.paths[i]
    alone = 1.0 - ease(company.still[:, i], 0.1, fps)
    thorax = _level(path.xy / UNITS, 0.80 * size)
    bend = ease(np.clip(0.06 * path.turning, -0.3, 0.3), 0.06, fps)
    ahead, left = _frame(path.heading)
    face, cheek = _frame(path.heading + 0.5 * bend + plan.head_yaw * (0.3 + 0.7 * alone))
    tail, _ = _frame(path.heading - bend)
    joints = np.zeros((len(thorax), len(fly.JOINTS), 3))

    def put(name: str, place: np.ndarray, rise: float | np.ndarray = 0.0) -> None:
        joints[:, fly.JOINT[name]] = place
        joints[:, fly.JOINT[name], 2] += rise

    neck = thorax + 0.6 * size * ahead
    put("thorax", thorax)
    put("head", neck + (fly.HEAD - 0.6) * size * face, -0.08 * size)
    waist = thorax - fly.WAIST * size * ahead
    put("waist", waist, -0.05 * size)
    put("abdomen", waist - (fly.ABDOMEN - fly.WAIST) * size * tail, -0.15 * size)
    open_wings = _wings(rng, company, i, fps)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        eye = neck + (fly.EYE[0] - 0.6) * size * face + fly.EYE[1] * sign * size * cheek
        put(f"eye{side}", eye, 0.02 * size)
        put(f"shoulder{side}", thorax + sign * size * left)
        hinge = thorax + size * (fly.HINGE[0] * ahead + sign * fly.HINGE[1] * left)
        swung = open_wings[:, 0 if sign > 0 else 1]
        # at rest the tips lie behind, near the midline; opening swings them outwards
        blade, edge = _frame(path.heading + np.pi + sign * (swung - 0.13) - 0.4 * bend)
        put(f"wing{side}", hinge + fly.WING * size * blade, 0.45 * size)
        put(f"sail{side}", hinge + size * (fly.WING / 2 * blade + sign * edge), 0.45 * size)
    stance = _legs(joints, plan.groom * alone, (thorax, ahead, left), size, fps)
    return joints, stance


def _wings(
    rng: np.random.Generator, company: Company, i: int, fps: float
) -> Float[np.ndarray, "T 2"]:
    """How far each wing is open, rad; a singing fly opens the one on the other's side."""
    n_frames = len(company.act)
    singing = np.isin(company.act[:, i], [_number(name) for name in _SINGING])
    singing &= company.there[:, i]
    me = company.paths[i]
    open_wings = np.zeros((n_frames, 2))
    bouts = np.repeat(rng.random(n_frames) < 0.75, max(1, round(0.6 * fps)))[:n_frames]
    for other in range(len(company.paths)):
        you = company.paths[other]
        to = you.xy + 40.0 * _unit(you.heading) - me.xy
        at_left = to[:, 0] * np.sin(me.heading) - to[:, 1] * np.cos(me.heading) > 0.0
        sings = singing & bouts & (company.partner[:, i] == other)
        open_wings[:, 0] += 1.25 * (sings & at_left)
        open_wings[:, 1] += 1.25 * (sings & ~at_left)
    mounts = (company.act[:, i] == _number("mount")) & company.there[:, i]
    open_wings += 0.30 * mounts[:, None]
    idle = np.repeat(rng.random(n_frames) < 0.12, max(1, round(0.8 * fps)))[:n_frames]
    open_wings += 0.45 * rng.uniform(0.2, 1.0) * idle[:, None]
    return rng.uniform(0.0, 0.12) + np.stack(
        [ease(open_wings[:, side], 0.05, fps) for side in range(2)], axis=1
    )


def _legs(
    joints: np.ndarray,
    groom: np.ndarray,
    body: tuple[np.ndarray, np.ndarray, np.ndarray],
    size: float,
    fps: float,
) -> Bool[np.ndarray, "T 6"]:
    """Step, or rub the forelegs before the head; knees bow outwards. Fills in the joints."""
    thorax, ahead, left = body
    ground = thorax * [1.0, 1.0, 0.0]
    signs = np.array([1.0, -1.0] * 3)
    rests = np.stack(
        [
            ground
            + size * (fly.RESTS[leg // 2][0] * ahead + fly.RESTS[leg // 2][1] * sign * left)
            for leg, sign in enumerate(signs)
        ],
        axis=1,
    )[..., :2]
    way = np.diff(rests, axis=0, prepend=rests[:1])
    moved = np.hypot(way[..., 0], way[..., 1]).mean(axis=1)
    steps = gait.step(rests, moved, fps, _TRIPOD)
    tips = steps.paws.copy()
    stroke = np.sin(2 * np.pi * 6.7 * np.arange(len(thorax)) / fps)[:, None]
    for leg in (0, 1):
        rub = (1.62 + 0.10 * signs[leg] * stroke) * ahead + (0.09 - 0.04 * stroke) * signs[
            leg
        ] * left
        tips[:, leg] += groom[:, None] * (ground + size * rub + [0.0, 0.0, 0.4] - tips[:, leg])
    for leg, sign in enumerate(signs):
        aside = size * sign * left
        coxa = thorax + size * fly.COXAE[leg // 2][0] * ahead + fly.COXAE[leg // 2][1] * aside
        reach = tips[:, leg] - coxa
        bow = (0.10, -0.06, -0.10)[leg // 2] * size * ahead + (0.22, 0.05, 0.22)[
            leg // 2
        ] * aside
        knee = coxa + reach / 2 + bow
        knee[:, 2] = 0.75 * size
        joints[:, fly.JOINT[fly.LEGS[leg]]] = tips[:, leg]
        joints[:, fly.JOINT[fly.KNEES[leg]]] = knee
    planted = steps.stance.copy()
    planted[:, :2] &= (groom == 0.0)[:, None]
    return planted


def _discs(joints: np.ndarray, size: np.ndarray) -> Float[np.ndarray, "T N D 3"]:
    names = ("head", "thorax", "waist", "abdomen")
    centres = joints[:, :, [fly.JOINT[name] for name in names], :2]
    radii = size[:, None] * np.array([0.28, 0.45, 0.42, 0.25])
    spread = np.broadcast_to(radii[..., None], (*centres.shape[:-1], 1))
    return np.concatenate([centres, spread], axis=-1)


def _state(plan: Commands, company: Company, i: int, fps: float) -> Int[np.ndarray, " T"]:
    """What a fly is seen to do: its own plan, unless company changes it."""
    speed = np.hypot(*np.gradient(company.paths[i].xy, axis=0).T) * fps
    order = [*HABITS]
    held = np.where(speed > 60.0, order.index("walk"), order.index("stand"))
    alone = np.where(company.still[:, i] > 1 / 2, held, plan.state)
    through = np.array([a.through for a in APPROACHES])[company.act[:, i]]
    named = company.there[:, i] | through
    social = len(order) + np.where(named, 1 + company.act[:, i], 0)
    return np.where(company.act[:, i] >= 0, social, alone)


def _number(name: str) -> int:
    return [a.name for a in APPROACHES].index(name)


def _level(xy: np.ndarray, z: float) -> np.ndarray:
    return np.column_stack([xy, np.full(len(xy), z)])


def _frame(heading: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward and left as (T, 3). With y downwards the left of x is -y."""
    x, y = np.cos(heading), np.sin(heading)
    flat = np.zeros_like(x)
    return np.stack([x, y, flat], axis=1), np.stack([y, -x, flat], axis=1)


def _unit(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)
