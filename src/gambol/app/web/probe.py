"""Files of strangers, opened in a child: what they break there breaks nothing in the server.

A crafted or an enormous file may crash a decoder, take all memory, or never come to an end. So
whatever the server has not seen before is first opened by `python -m gambol.app.web.probe`,
which may use so much memory and time and no more; Windows knows the limit of time only.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gambol.app.web.answers import Fail, fail

TIME_S = 600.0  # the index of a film of a day takes minutes on a network drive
MEMORY = 8 << 30  # bytes of addresses; libraries alone take 1 GiB
AT_ONCE = 2  # children
_turns = threading.BoundedSemaphore(AT_ONCE)
_running: set["subprocess.Popen[str]"] = set()


def describe(ref: str, folder: Path, roots: Sequence[Path] = ()) -> dict[str, Any]:
    """Return the values of a video's row, as `io.project_videos.describe` does.

    Args:
        ref: of a video that may be opened; links in a folder of images lead only below this
            folder, that of the project, and the roots.
        folder: of the project.
        roots: under which the page may choose files.

    Raises:
        Fail: 415 for what is no video, 422 for what cannot be opened for another reason.
    """
    values = {"ref": ref, "folder": str(folder), "roots": [str(root) for root in roots]}
    return run("describe", values, Path(ref).name)


def run(task: str, values: dict[str, Any], name: str) -> dict[str, Any]:
    """Do one of `_TASKS` in a child.

    Args:
        task: its name.
        values: its arguments, as JSON holds them.
        name: of the file, for sentences.

    Raises:
        Fail: it failed, took too long or too much memory, or ended by itself.
    """
    command = [sys.executable, "-m", "gambol.app.web.probe", task, str(MEMORY), str(TIME_S)]
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # threads take addresses
    with _turns, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, encoding="utf-8", env={**os.environ, **one},
    ) as child:  # fmt: skip
        _running.add(child)
        try:
            said, _ = child.communicate(json.dumps(values), timeout=TIME_S)
        except subprocess.TimeoutExpired:
            raise _endless(name) from None
        finally:
            _running.discard(child)
            child.kill()
    try:
        told: dict[str, Any] = json.loads(said)
    except ValueError:
        raise _crashed(name, child.returncode) from None
    if "trouble" in told:
        raise fail(told["status"], told["code"], told["trouble"], told["hint"])
    return told


def close() -> None:
    """End the children of a server that ends."""
    for child in list(_running):
        child.kill()


def _endless(name: str) -> Fail:
    return fail(
        422, "endless", f"{name} was not read within {TIME_S / 60:.0f} minutes",
        "copy it again from where it was recorded, or to a faster disk",
    )  # fmt: skip


def _crashed(name: str, status: int) -> Fail:
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    return fail(
        422, "damaged", f"{name} cannot be opened: the process that read it ended {how}",
        "copy it again from where it was recorded",
    )  # fmt: skip


def _describe(values: dict[str, Any]) -> dict[str, Any]:
    from gambol.io import fence, project_videos
    from gambol.io.video.open import split_ref

    ref, folder = values["ref"], Path(values["folder"])
    with fence.within([split_ref(ref)[0], folder, *map(Path, values["roots"])]):
        return project_videos.describe(ref, folder)


def _bring(values: dict[str, Any]) -> dict[str, Any]:
    from gambol.app.web import bring

    roots = [Path(root) for root in values.pop("roots")]
    folder, source = Path(values.pop("folder")), Path(values.pop("source"))
    return bring.bring(folder, source, roots, **values).model_dump()


def _skeleton(values: dict[str, Any]) -> dict[str, Any]:
    from gambol.app.web import bring

    roots = [Path(root) for root in values["roots"]]
    return bring.skeleton(Path(values["folder"]), Path(values["source"]), roots).to_dict()


def _rig(values: dict[str, Any]) -> dict[str, Any]:
    from gambol.app.web import space_rigs
    from gambol.io import fence

    sources, project = [Path(one) for one in values["sources"]], Path(values["project"])
    with fence.within([project, *map(Path, values["roots"])]):
        for source in sources:
            fence.require_closed(source, ["*", "*/*"])
        return space_rigs.bring(sources, project).model_dump()


_TASKS = {"describe": _describe, "bring": _bring, "skeleton": _skeleton, "rig": _rig}


def _done(task: str, values: dict[str, Any]) -> dict[str, Any]:
    """Do a task; return what it found, or what a `Fail` is made of."""
    from gambol.app.web.answers import told
    from gambol.io.video.damage import Unreadable

    try:
        return _TASKS[task](values)
    except MemoryError:
        what = f"it takes more than {MEMORY >> 30} GiB of memory to open this file"
        return {"status": 422, "code": "memory", "trouble": what, "hint": "split it into parts"}
    except RecursionError:
        what, how = "this file holds lists in lists without end", "export it again"
        return {"status": 422, "code": "damaged", "trouble": what, "hint": how}
    except Exception as error:
        status, problem = told(error)
        if isinstance(error, Unreadable):
            status, problem = 415, problem.model_copy(update={"code": "kind"})
        said = {"code": problem.code, "trouble": problem.message, "hint": problem.hint}
        return {"status": status, **said}


def _limit(memory: int, seconds: float) -> None:
    """Take no more than this; what is beyond fails here and not in the server."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))
        if sys.platform != "darwin":  # which refuses it
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def main(words: list[str]) -> int:
    """Read arguments as JSON, do a task, write what came of it as JSON."""
    if len(words) != 3 or words[0] not in _TASKS:
        print(f"usage: probe {'|'.join(_TASKS)} BYTES SECONDS < JSON", file=sys.stderr)
        return 2
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print is no answer
    _limit(int(words[1]), float(words[2]))
    json.dump(_done(words[0], json.load(sys.stdin)), out)
    out.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
