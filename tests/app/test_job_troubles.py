import errno

import pytest

from gambol.app.job_troubles import is_memory, note, trouble
from gambol.core.errors import InputError
from gambol.io import store


def caused(error, cause):
    error.__cause__ = cause
    return error


FULL = OSError(errno.ENOSPC, "No space left on device", "/data/out.nc")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (MemoryError(), "memory", "memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "memory", "graphics"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "memory", ""),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory", "memory"),
        (ImportError("libx.so: failed to map segment from shared object"), "memory", ""),
        (FULL, "disk", "/data/out.nc"),
        (OSError(errno.EFBIG, "File too large", "/data/x"), "disk", "/data/x"),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 8 vs 7"),
         "disk", "full"),
        (caused(InputError("/data/out.nc cannot be written: full"), FULL), "disk", "full"),
        (RuntimeError("CUDA error: an illegal memory access"), "cpu", "illegal"),
        (InputError("the video /a.mp4 does not exist; put it there"), "video", "/a.mp4"),
        (InputError("fit.steps: must be greater than 0"), "input", "fit.steps"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "permission", "/x"),
        (KeyError("k"), "bug", "KeyError"),
    ],
)  # fmt: skip
def test_every_end_is_a_sentence_with_a_remedy(error, code, words):
    found = trouble(error)
    assert (found.code, words in found.message) == (code, True)
    assert found.hint or code == "input"
    assert "\n" not in found.message and "Traceback" not in found.message


def test_what_a_person_can_do_follows_the_semicolon():
    found = trouble(InputError("labels.csv is empty; export it again"))
    assert (found.message, found.hint) == ("labels.csv is empty", "export it again")


def test_a_file_that_cannot_be_written_for_want_of_room_says_so(tmp_path):
    with pytest.raises(InputError) as caught, store.writing(tmp_path / "x"):
        raise FULL
    assert trouble(caught.value).code == "disk"


def test_only_memory_is_memory():
    assert is_memory(caught(MemoryError()))
    assert not is_memory(caught(FULL))
    assert not is_memory(ValueError("out of memory"))


def caught(error):
    return caused(ValueError("outer"), error)


def test_the_whole_story_is_kept(tmp_path):
    try:
        raise KeyError("here")
    except KeyError as error:
        note(error, tmp_path)
    assert "test_job_troubles.py" in (tmp_path / "trace.txt").read_text()
