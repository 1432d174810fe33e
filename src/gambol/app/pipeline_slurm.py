"""A pipeline as jobs of SLURM: an array of tasks for recordings, one job for what is done once.

Every task is `gambol run` on a share of the recordings, with the same file and the same record
of what was done, so that whatever is submitted again does only what is missing.
"""

import shlex
import sys
from pathlib import Path

from gambol.app.pipeline_file import Pipeline
from gambol.app.pipeline_run import stretches
from gambol.io import store


def write(pipeline: Pipeline, folder: Path, tasks: int) -> list[Path]:
    """Write a script for every stretch of steps, and one that submits them in order.

    Args:
        pipeline: what is to be done.
        folder: of the scripts and of what they say.
        tasks: of an array, at most.

    Returns:
        The script that submits, then the others.
    """
    tasks = min(tasks, len(pipeline.recordings))
    scripts = []
    for number, (once, steps) in enumerate(stretches(pipeline.steps), start=1):
        names = ",".join(step.name for step in steps)
        script = folder / f"{number}-{names.replace(',', '-').replace(' ', '_')}.sh"
        store.write_text(_script(pipeline, folder, number, names, 0 if once else tasks), script)
        scripts.append(script)
    submit = folder / "submit.sh"
    store.write_text(_submit(scripts), submit)
    for script in (submit, *scripts):
        script.chmod(0o755)
    return [submit, *scripts]


def _script(pipeline: Pipeline, folder: Path, number: int, names: str, tasks: int) -> str:
    said = "%A-%a" if tasks else "%j"
    options = [
        f"--job-name=gambol-{pipeline.file.stem}-{number}",
        f"--output={folder / f'{number}-{said}.log'}",
        *([f"--array=0-{tasks - 1}"] if tasks else []),
        *pipeline.slurm,
    ]
    words = [
        sys.executable, "-m", "gambol", "run", str(pipeline.file.resolve()), "--only", names,
    ]  # fmt: skip
    share = f' --share "$SLURM_ARRAY_TASK_ID/{tasks}"' if tasks else ""
    heads = "".join(f"#SBATCH {option}\n" for option in options)
    return (
        f"#!/bin/bash\n{heads}set -u\ncd {shlex.quote(str(pipeline.folder))}\n"
        f"exec {shlex.join(words)}{share}\n"
    )


def _submit(scripts: list[Path]) -> str:
    lines = ["#!/bin/bash", "set -eu", 'job=""']
    for script in scripts:  # what failed in one stretch is said by the next, which waits
        lines.append(
            "job=$(sbatch --parsable ${job:+--dependency=afterany:$job} "
            f"{shlex.quote(str(script))})"
        )
        lines.append(f'echo "{script.name}: job $job"')
    return "\n".join(lines) + "\n"
