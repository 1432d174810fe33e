"""Small animals whose density is GIMBAL's own, filmed by a ring of cameras."""

import numpy as np

from gambol.core.skeleton import Skeleton
from gambol.kernels import projection, vmf
from gambol.kernels.pose_states import States
from gambol.multiview.bones import Bones
from gambol.multiview.density import Model
from gambol.multiview.sampler import Chain, sweep

UP = np.array([0.0, 0.0, 1.0])
SKELETON = Skeleton(
    ("back", "neck", "nose", "pawL", "pawR"), (-1, 0, 1, 1, 1), (-1, -1, -1, 4, 3)
)
LENGTH = np.array([0.0, 60.0, 40.0, 30.0, 30.0])
POSES = np.array([
    [[1, 0, 0], [1, 0, 0.2], [1, 0, -0.3], [0.2, 1, -1], [0.2, -1, -1]],  # stands
    [[1, 0, 0], [0.3, 0, 1], [0.5, 0.4, 0.8], [1, 0.5, 0], [1, -0.5, 0.3]],  # rears
    [[1, 0, 0], [0.9, -0.4, 0], [0.3, -1, 0], [0.5, 1, -0.5], [-0.3, -1, -0.6]],  # turns
])  # fmt: skip


def ring(count=6, *, far=600.0, focal=900.0, affine=False):
    """Return cameras on a circle that look at the origin, (V, 24)."""
    out = np.zeros((count, projection.WIDTH))
    for v, angle in enumerate(np.arange(count) * 2 * np.pi / count):
        eye = far * np.array([np.cos(angle), np.sin(angle), 0.5 + 0.1 * v])
        z = -eye / np.linalg.norm(eye)
        x = np.cross(z, UP) / np.linalg.norm(np.cross(z, UP))
        rotation = np.stack([x, np.cross(z, x), z])
        out[v, 1:5] = focal, focal, 320, 240
        out[v, 11] = np.inf
        out[v, 12:21] = rotation.ravel()
        out[v, 21:] = -rotation @ eye
        if affine:
            out[v, 0] = projection.AFFINE
            out[v, 12:18] = (rotation[:2] * focal / far).ravel()
            out[v, 21:] = 320, 240, 0
    return out


def states(kappa=25.0):
    """Return three poses, as GIMBAL knows them."""
    nu = POSES / np.linalg.norm(POSES, axis=-1, keepdims=True)
    sharp = np.full(nu.shape[:2], kappa)
    sharp[:, 0] = 0
    return States(np.log([0.5, 0.3, 0.2]), nu, sharp)


def model(frames, *, views=6, eta=4.0, scatter=3.0, noise=4.0, beta=0.05, affine=False, **more):
    """Return a model that has seen nothing yet."""
    joints = len(SKELETON)
    parent = np.array(SKELETON.parent)
    one = np.ones((frames, views, joints))
    given = Model(
        xy=np.full((frames, views, joints, 2), np.nan),
        params=ring(views, affine=affine),
        inlier=noise**2 * one,
        outlier=60.0**2 * one[0],
        prior=beta * one,
        chain=np.full((frames - 1, joints), 1 / eta**2),
        bones=Bones(parent, LENGTH, np.where(parent >= 0, scatter**2, 1.0)),
        states=states(),
        transition=None,
        up=UP,
        turning="up",
        anchor=np.zeros((joints, 3)),
        hold=np.where(parent < 0, 1 / 50.0**2, 0.0),
    )
    return given._replace(**more)


def stand(frames):
    """Return the first pose, everywhere."""
    xyz = np.zeros((frames, len(SKELETON), 3))
    nu = states().directions[0]
    for j in SKELETON.topological[1:]:
        xyz[:, j] = xyz[:, SKELETON.parent[j]] + LENGTH[j] * nu[j]
    return xyz


def moving(rng, given, sweeps=150, start=None):
    """Draw a trajectory from the prior, by Gibbs sweeps without observations."""
    frames = len(given.xy)
    blind = given._replace(xy=np.full_like(given.xy, np.nan))
    turn = np.broadcast_to(np.eye(3), (frames, 3, 3)).copy()
    chain = Chain(stand(frames), turn, 1.0)
    if start is not None:
        chain = Chain(start.xyz, start.turn, 1.0)
    for _ in range(sweeps):
        chain = sweep(rng, blind, chain)
    return chain.xyz


def filmed(rng, given, xyz, missing=0.1):
    """Return the model that has seen these poses."""
    frames, joints = xyz.shape[:2]
    seen = projection.project(xyz.reshape(-1, 3), given.params).uv
    uv = seen.reshape(-1, frames, joints, 2).transpose(1, 0, 2, 3)
    lost = rng.random(given.prior.shape) < given.prior
    sd = np.sqrt(np.where(lost, given.outlier, given.inlier))[..., None]
    uv = uv + sd * rng.standard_normal(uv.shape)
    uv[rng.random(uv.shape[:-1]) < missing] = np.nan
    return given._replace(xy=np.ascontiguousarray(uv))


def posing(rng, frames, kappa=25.0, scatter=3.0, turning=True):
    """Draw unrelated poses: positions, headings, states."""
    found = states(kappa)
    state = rng.choice(3, frames, p=np.exp(found.log_weights))
    heading = rng.uniform(-np.pi, np.pi, frames) * turning
    c, s, o, i = np.cos(heading), np.sin(heading), np.zeros(frames), np.ones(frames)
    turn = np.stack([np.stack(row, -1) for row in ((c, -s, o), (s, c, o), (o, o, i))], -2)
    mean = np.einsum("tab,tjb->tja", turn, found.directions[state])
    u = vmf.draw(rng, mean, found.concentration[state])
    xyz = np.zeros((frames, len(SKELETON), 3))
    for j in SKELETON.topological[1:]:
        p = SKELETON.parent[j]
        xyz[:, j] = xyz[:, p] + LENGTH[j] * u[:, j]
        xyz[:, j] += scatter * rng.standard_normal((frames, 3))
    return xyz, heading, state
