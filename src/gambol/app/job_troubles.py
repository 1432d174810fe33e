"""What may end a job, in one sentence with what to do about it."""

import errno
import traceback
from pathlib import Path

from gambol.app.job_files import Trouble
from gambol.core.errors import InputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MEMORY_SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory",
                 "failed to map segment", "bad allocation", "std::bad_alloc",
                 "insufficient memory", "unable to allocate")  # fmt: skip
_DRIVER_SIGNS = ("cuda", "cudnn", "cublas", "nvidia", "mps backend", "hip error")
_VIDEO_SIGNS = ("video", "film")


def trouble(error: BaseException) -> Trouble:
    """Return what an error means for whoever started the job."""
    chain = list(_chain(error))
    if any(_is_memory(one) for one in chain):
        where = "graphics memory" if _mentions(chain, _DRIVER_SIGNS) else "memory"
        return Trouble(
            code="memory",
            message=f"the {where} was not enough",
            hint="halve the batch, make windows smaller, or close other programs",
        )
    if any(_is_full(one) for one in chain):
        return Trouble(
            code="disk",
            message="the disk is full" + _file_of(chain),
            hint="free some space, then resume; what was finished is kept",
        )
    if isinstance(error, InputError):
        return _of_input(error)
    if _mentions(chain, _DRIVER_SIGNS) and isinstance(error, RuntimeError | OSError):
        return Trouble(
            code="cpu",
            message=f"the graphics card failed: {_first_line(error)}",
            hint="run it on the CPU, or restart the computer",
        )
    if isinstance(error, PermissionError):
        return Trouble(
            code="permission",
            message=f"permission denied{_file_of(chain)}",
            hint="change the permissions, or close the program that has the file open",
        )
    return Trouble(
        code="bug",
        message=f"gambol failed: {type(error).__name__}: {_first_line(error)}",
        hint="your labels are untouched; trace.txt in the folder of the job says more",
    )


def is_memory(error: BaseException) -> bool:
    """Tell whether something ended for want of memory."""
    return any(_is_memory(one) for one in _chain(error))


def note(error: BaseException, folder: Path) -> None:
    """Keep the whole story for a report; people are shown one sentence."""
    text = "".join(traceback.format_exception(error))
    try:
        (folder / "trace.txt").write_text(text, encoding="utf-8")
    except OSError:  # the disk is full, say
        return


def _of_input(error: InputError) -> Trouble:
    """Split a sentence into what is wrong and what to do, at its first semicolon."""
    text = str(error)
    wrong, semicolon, remedy = text.partition("; ")
    missing = "does not exist" in text or "is neither there" in text
    video = missing and any(sign in text for sign in _VIDEO_SIGNS)
    code = "video" if video else "input"
    return Trouble(code=code, message=wrong if semicolon else text, hint=remedy)


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and what it came from."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__ or one.__context__
    return found


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    known = isinstance(error, RuntimeError | ImportError | OSError)
    foreign = type(error).__module__.startswith(("cv2", "av", "torch"))
    return (known or foreign) and any(sign in str(error).lower() for sign in _MEMORY_SIGNS)


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and (error.errno in _FULL or "winerror 112" in str(error)):
        return True
    text = str(error).lower()
    return any(
        sign in text for sign in ("disk is full", "no space left", "quota is used up")
    ) or (
        # PyTorch: "file write failed", or "unexpected pos 82688 vs 82584" at the end of a file
        isinstance(error, RuntimeError | OSError)
        and ("file write failed" in text or "unexpected pos" in text)
    )


def _mentions(chain: list[BaseException], signs: tuple[str, ...]) -> bool:
    return any(sign in str(one).lower() for one in chain for sign in signs)


def _file_of(chain: list[BaseException]) -> str:
    names = [one.filename for one in chain if isinstance(one, OSError) and one.filename]
    return f": {names[0]}" if names else ""


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else "no reason given")[:200]
