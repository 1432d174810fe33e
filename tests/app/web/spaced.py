"""A project with simulated cameras: 2D poses, the true rig and 3D poses made of them."""

import shutil
import struct
import uuid
import warnings

import cv2
import numpy as np
from desked import by, studio_of
from starlette.applications import Starlette

from gambol.app.web import edits, feed, project, space
from gambol.app.web.answers import HANDLERS
from gambol.core import poses as core_poses
from gambol.io import calibration
from gambol.io import poses as io_poses
from gambol.io.project import Project
from gambol.stages import simulate_views, triangulate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the successor of httpx
    from starlette.testclient import TestClient

SIZE = 640, 512


def world(folder, seconds=2.0, animals=1, tier="msac", seed=0, size=SIZE, cameras=4):
    """Make `folder`: a project with a rig, 2D poses of four views and a run of 3D poses."""
    made = simulate_views.run(
        simulate_views.ViewsConfig(
            seconds=seconds,
            animals=animals,
            boards=5,
            moods=False,
            seed=seed,
            size=size,
            cameras=cameras,
            films=False,
        ),
        folder / "session",
    )
    shutil.rmtree(folder / "session" / "board")
    Project.create(folder, core_poses.skeleton(io_poses.read(made.truth))).close()
    out = folder / "runs" / "triangulate-1" / "out" / "mouse.nc"
    out.parent.mkdir(parents=True)
    cfg = triangulate.TriangulateConfig.model_validate({"tier": {"kind": tier}})
    triangulate.run(cfg, [made.views], made.rig, out)
    return out


def films(folder, frames=60, size=SIZE):
    """Film what the cameras of a world see, one video a camera, the frame's number in bars."""
    rig = calibration.read(folder / "session" / "rig.toml")
    for camera in rig:
        poses = io_poses.read(folder / "session" / "views" / f"{camera}.nc")
        xy = poses.position.transpose("time", "individuals", "keypoints", "space").values
        path = folder / f"{camera}.mp4"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30.0, size)
        for t in range(min(frames, len(xy))):
            writer.write(_picture(t, xy[t], size))
        writer.release()
    with Project.open(folder) as opened:
        for camera in rig:
            opened.add_video(str(folder / f"{camera}.mp4"))


def _picture(number, xy, size):
    """A grey field with the animal as blobs, and 16 bars at the top: bits of the number."""
    image = np.full((size[1], size[0], 3), 70, np.uint8)
    for x, y in xy.reshape(-1, 2):
        if np.isfinite([x, y]).all():
            cv2.circle(image, (round(float(x)), round(float(y))), 5, (150, 160, 170), -1)
    wide = size[0] // 16
    for bit in range(16):
        lit = 255 if number >> (15 - bit) & 1 else 0
        image[: wide // 2, bit * wide : (bit + 1) * wide] = lit
    return image


def served(folder):
    """A studio of a project, and a client of its routes."""
    studio = studio_of(folder)
    studio.desk.open()
    routes = [r for module in (space, edits, feed, project) for r in module.routes(studio)]
    return studio, TestClient(Starlette(routes=routes, exception_handlers=HANDLERS))


def decide(client, run, do, place, user="ann", uid=None, **more):
    """Post a decision about (moment, animal, keypoint)."""
    names = dict(zip(("frame", "animal", "keypoint"), place, strict=True))
    body = {"id": uid or uuid.uuid4().hex, "do": do, **names, **more}
    return client.post(f"/api/runs3d/{run}/decisions", json=body, headers=by(user))


def points(client, run, first, last=None):
    """Unpack points of a stretch."""
    last = first if last is None else last
    data = client.get(f"/api/runs3d/{run}/points?from={first}&to={last}").content
    f, n, j, v, begin = struct.unpack_from("<5I", data)
    values = np.frombuffer(data, "<f4", offset=20)
    out, at = {"first": begin}, 0
    sizes = {"xyz": 3, "covariance": 6, "accepted": 1}
    sizes |= dict.fromkeys(("x", "y", "residual", "outlier", "state"), v)
    for name, size in sizes.items():
        count = f * n * j * size
        out[name] = values[at : at + count].reshape(f, n, j, size)
        at += count
    assert at == len(values)
    return out
