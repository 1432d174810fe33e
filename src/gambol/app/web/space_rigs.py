"""Calibrations of other programs, brought into a project."""

import os
import re
import shutil
import tempfile
from pathlib import Path

from gambol.app.web.models_space import BroughtRig, RigFinding
from gambol.app.web.space_files import rig_name
from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.multiview import rig_check

FOLDER = "calibrations"  # of the project


def bring(sources: list[Path], project: Path) -> BroughtRig:
    """Write a calibration of any format of `io.calibration` into a project as ours.

    Args:
        sources: a file or folder; or several files, one a camera.
        project: its folder.

    Raises:
        InputError: nothing that could be read is there; nothing is written then.
    """
    if not sources:
        raise InputError("no calibration was chosen; choose a file")
    read = _load(sources)
    text = calibration.text(read.rig)
    target = _target(project / FOLDER, _stem(sources), text)
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        calibration.write(read.rig, target)
    return BroughtRig(
        rig=rig_name(target, project),
        title=target.relative_to(project).as_posix(),
        cameras=list(read.rig),
        units=read.rig.units,
        findings=[
            RigFinding(check=one.check, cameras=list(one.cameras), sentence=one.sentence)
            for one in rig_check.check(read.rig)
        ],
        remarks=list(read.remarks),
    )


def _load(sources: list[Path]) -> calibration.Read:
    if len(sources) == 1:
        return calibration.load(sources[0])
    with tempfile.TemporaryDirectory() as away:  # formats with a file a camera read a folder
        for path in sources:
            if path.is_dir() or (Path(away) / path.name).exists():
                raise InputError(f"{path} cannot be one of several files; choose one folder")
            shutil.copyfile(path, Path(away) / path.name)
        try:
            return calibration.load(Path(away))
        except InputError as error:
            names = ", ".join(path.name for path in sources)
            raise InputError(str(error).replace(away, names)) from error


def _stem(sources: list[Path]) -> str:
    """Return a name for several files: of their folder, else what their names begin with."""
    names = [path.name.partition(".")[0] for path in sources]
    folders = {path.parent for path in sources}  # each upload has its own, with a number
    name, otherwise = names[0], "calibration"
    if len(sources) > 1:
        shared = os.path.commonprefix(names).rstrip("0123456789")
        name, otherwise = folders.pop().name if len(folders) == 1 else shared, "rig"
    return re.sub(r"[^\w.-]+", "-", name).strip("-._") or otherwise


def _target(folder: Path, stem: str, text: str) -> Path:
    """Return a name that is free, or whose file says the same already."""
    for number in range(1, 10_000):
        path = folder / (f"{stem}.toml" if number == 1 else f"{stem}-{number}.toml")
        if not path.exists() or path.read_text(encoding="utf-8") == text:
            return path
    raise InputError(f"{folder} is full of calibrations called {stem}; delete some")
