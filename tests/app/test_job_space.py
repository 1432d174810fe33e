"""Jobs of 3D: a calibration from a board, and 3D poses of films that are out of step."""

import shutil

import numpy as np
import pytest
from labelled import MOUSE

from gambol.app import job_files, job_space, job_stages
from gambol.app.job_files import Asked
from gambol.app.web import space_clock, space_files
from gambol.core.errors import InputError
from gambol.core.progress import silent
from gambol.io import calibration
from gambol.io import poses as io_poses
from gambol.io.project import Project
from gambol.multiview.clocks import Timing
from gambol.stages import simulate_views, triangulate

LATE = 4  # frames, of the second film


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("session")
    cfg = simulate_views.ViewsConfig(
        cameras=3, seconds=2.0, boards=14, films=False, moods=False
    )
    return simulate_views.run(cfg, folder / "s")


@pytest.fixture
def project(session, tmp_path):
    """A project with a calibration and 2D poses; those of the second film are late."""
    folder = tmp_path / "p"
    with Project.create(folder, MOUSE) as made:
        rig = calibration.read(session.rig)
        for number, camera in enumerate(rig, 1):
            film(folder / f"{camera}.mp4", number)
            made.add_video(folder / f"{camera}.mp4")
    shutil.copy(session.rig, folder / "rig.toml")
    for k, camera in enumerate(rig):
        poses = io_poses.read(session.views / f"{camera}.nc").load()
        held = (
            poses.isel(time=slice(0, -LATE)) if k == 1 else poses.isel(time=slice(LATE, None))
        )
        held = held.assign_coords(time=np.arange(held.sizes["time"]) / 30)
        held.attrs["source_file"] = str(folder / f"{camera}.mp4")
        target = folder / "runs" / f"predict-{k + 1}" / "out" / f"film {k}.nc"
        target.parent.mkdir(parents=True)
        held.to_netcdf(target, engine="h5netcdf")
    return folder


def film(path, seed):
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30.0, (64, 64))
    for n in range(4):
        writer.write(np.full((64, 64, 3), 40 * seed + n, np.uint8))
    writer.release()


def work(project, stage, inputs, name=None, **config):
    said = Asked(id=name or f"{stage}-1", key="k", stage=stage, title="", project=str(project),
                 by="ann", created=job_files.now(), number=1.0, config=config,
                 inputs=inputs)  # fmt: skip
    folder = project / "runs" / said.id
    folder.mkdir(parents=True, exist_ok=True)
    return job_stages.Work(
        folder, said, silent, lambda text: None, lambda: False, lambda net, n, /, **values: None
    )


def asked_of(project):
    (name,) = space_files.find(project).rigs
    cameras = list(calibration.read(project / "rig.toml"))
    return {"rig": name, "videos": {c: k for k, c in enumerate(cameras, 1)}}


def test_offsets_that_people_set_bring_the_rays_together(session, project):
    inputs, fast = asked_of(project), {"tier": {"kind": "dlt"}}
    apart = job_stages.run(work(project, "triangulate", inputs, "triangulate-1", **fast))
    with Project.open(project) as opened:
        space_clock.write(opened, {2: Timing(lag=float(LATE))}, "offset", "ann")
    again = job_stages.run(work(project, "triangulate", inputs, "triangulate-2", **fast))
    cfg = triangulate.TriangulateConfig.from_values(fast, "the test")
    honest = triangulate.run(cfg, [session.views], session.rig, project / "honest.nc")
    assert again["reprojection_px"] == pytest.approx(honest.reprojection_px, rel=0.05)
    assert apart["reprojection_px"] > 1.3 * again["reprojection_px"]
    run = space_files.Run3d(again["poses"])
    clocks = space_files.timing(next(iter(run.files.values())))
    assert list(clocks.values()) == [Timing(), Timing(lag=float(LATE)), Timing()]
    # copies that were put in step are no poses of the films
    assert all("in-step" not in path.parts for path in job_space._poses(
        work(project, "triangulate", inputs), calibration.read(project / "rig.toml")
    ).values())  # fmt: skip


def test_lags_are_found_by_the_rays(project):
    made = job_stages.run(work(project, "synchronize", asked_of(project)))
    found = list(made["lags"].values())
    np.testing.assert_allclose(found, [0, LATE, 0], atol=0.3)


def test_a_board_is_said_or_chosen(session, tmp_path):
    project = tmp_path / "p"
    Project.create(project, MOUSE).close()
    paths = {"paths": [str(session.pictures), str(session.board)]}
    made = job_stages.run(work(project, "calibrate", paths))
    ((name, path),) = space_files.find(project).rigs.items()
    assert name.startswith("g") and path == made["calibration"]
    assert made["median_px"] < 0.5 and len(made["cameras"]) == 3
    with pytest.raises(InputError, match="what the board is"):
        job_stages.run(work(project, "calibrate", {"paths": [str(session.pictures)]}))
    wrong = {"paths": [str(session.pictures)], "board": {"kind": "charuco", "columns": 7}}
    with pytest.raises(InputError, match="board"):
        job_stages.run(work(project, "calibrate", wrong))


def test_what_is_missing_is_said(project):
    inputs = asked_of(project)
    with pytest.raises(InputError, match="choose another one"):
        job_stages.run(work(project, "triangulate", {**inputs, "rig": "gone"}))
    two = {camera: 1 for camera in inputs["videos"]}
    with pytest.raises(InputError, match="two cameras"):
        job_stages.run(work(project, "triangulate", {**inputs, "videos": two}))
    shutil.rmtree(project / "runs" / "predict-2")
    with pytest.raises(InputError, match=r"predict these films first"):
        job_stages.run(work(project, "triangulate", inputs))
