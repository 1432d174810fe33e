"""What jobs of 3D do: calibrate from a board, put films in step, triangulate.

Which film is which view comes with the job; 2D poses are the newest that the project has of
each film. Importing this imports no stage.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.multiview.clocks import Timing

if TYPE_CHECKING:
    from gambol.app.job_stages import Work

BOARD = (".toml", ".yaml", ".yml")  # of a file among the chosen ones that describes the board


def calibrate(work: "Work") -> dict[str, Any]:
    """Calibrate from films or pictures of a board."""
    from gambol.io import board_file
    from gambol.stages import calibrate as stage

    paths = [Path(path) for path in work.asked.inputs.get("paths") or []]
    boards = [path for path in paths if path.suffix.lower() in BOARD]
    films = [path for path in paths if path not in boards]
    said = work.asked.inputs.get("board")
    if len(boards) > 1 or not (boards or said):
        raise InputError(
            "say what the board is: its kind, squares and their size, or choose one board file"
        )
    work.out.mkdir(exist_ok=True)
    board = boards[0] if boards else work.folder / "board.yaml"
    if not boards:
        board_file.write_board(board_file.parse_board(said, "the board"), board)
    made = stage.run(
        work.config(stage.CalibrateConfig), films, work.out / "calibration.toml", board=board,
        progress=work.progress,
    )  # fmt: skip
    for sentence in (*made.findings, *made.remarks):
        work.say(sentence)
    return made._asdict()


def synchronize(work: "Work") -> dict[str, Any]:
    """Find how far the films of a recording are out of step."""
    from gambol.stages import synchronize as stage

    path, rig = _rig(work)
    made = stage.run(
        work.config(stage.SynchronizeConfig), [], path, work.out,
        assign=_poses(work, rig), progress=work.progress,
    )  # fmt: skip
    for sentence in made.remarks:
        work.say(sentence)
    return {**made._asdict(), "videos": dict(work.asked.inputs.get("videos") or {})}


def triangulate(work: "Work") -> dict[str, Any]:
    """Make 3D poses of the newest 2D poses, on the clock that people set."""
    from gambol.stages import in_step
    from gambol.stages import triangulate as stage

    path, rig = _rig(work)
    poses, clocks = _poses(work, rig), _clocks(work)
    if any(clocks.get(camera, Timing()) != Timing() for camera in poses):
        poses = in_step.run(poses, clocks, work.folder / "in-step", work.progress)
    made = stage.run(
        work.config(stage.TriangulateConfig), [], path, work.out / "poses3d.nc", assign=poses,
        progress=work.progress,
    )  # fmt: skip
    for sentence in made.remarks:
        work.say(sentence)
    return made._asdict()


def _rig(work: "Work") -> tuple[Path, Rig]:
    """Return the calibration that was asked for."""
    from gambol.app.web import space_files
    from gambol.io import calibration

    name = str(work.asked.inputs.get("rig") or "")
    path = space_files.find(work.project).rigs.get(name)
    if path is None:
        raise InputError("the calibration is not there any more; choose another one")
    return path, calibration.read(path)


def _poses(work: "Work", rig: Rig) -> dict[str, Path]:
    """Return the newest 2D poses of every view."""
    from gambol.app.web import space_files

    films = _films(work, rig)
    found = space_files.poses_2d(work.project, rig, films)
    missing = [camera for camera in films if camera not in found]
    if missing:
        names = ", ".join(f"{Path(films[c]).name} ({c})" for c in missing)
        raise InputError(f"there are no 2D poses of {names}; predict these films first")
    if len(found) < 2:
        raise InputError("fewer than two views have 2D poses; predict two films or more")
    return found


def _films(work: "Work", rig: Rig) -> dict[str, str]:
    """Return the film of every view that was assigned one."""
    from gambol.io import project_videos
    from gambol.io.project import Project

    said: Mapping[str, int] = work.asked.inputs.get("videos") or {}
    if unknown := [camera for camera in said if camera not in list(rig)]:
        raise InputError(f"no camera {unknown[0]!r}; there are {', '.join(rig)}")
    if len(set(said.values())) < len(said):
        raise InputError("one film is given to two cameras; choose another for one of them")
    with Project.open(work.project) as project:
        places = {
            row.id: project_videos.expected(row, project.folder) for row in project.videos()
        }
    if lost := [video for video in said.values() if video not in places]:
        raise InputError(f"there is no video {lost[0]}; choose another")
    return {camera: places[video] for camera, video in said.items()}


def _clocks(work: "Work") -> dict[str, Timing]:
    from gambol.app.web import space_clock
    from gambol.io.project import Project

    said: Mapping[str, int] = work.asked.inputs.get("videos") or {}
    with Project.open(work.project) as project:
        known = space_clock.read(project)
    return {camera: known[video] for camera, video in said.items() if video in known}
