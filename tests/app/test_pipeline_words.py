"""Commands are checked before their turn and get their threads."""

import pytest

from gambol.app import pipeline_file
from gambol.app.pipeline_words import check, with_threads
from gambol.core.errors import InputError


def test_commands_that_take_threads_get_their_share():
    words = ("predict", "run", "a.mp4", "--out", "poses")
    assert with_threads(words, 2) == (*words, "--threads", "2")
    for said in (("--threads", "1"), ("--threads=1",)):
        assert with_threads((*words, *said), 2) == (*words, *said)
    assert with_threads(("info", "a"), 2) == ("info", "a")


def test_the_first_mistake_names_step_and_file(tmp_path):
    (tmp_path / "mouse.nc").touch()
    (tmp_path / "mice.yaml").write_text(
        "recordings: mouse.nc\nsteps: {a: 'clean {path} --ou x'}"
    )
    with pytest.raises(InputError, match=r"mice\.yaml: step a: .*see gambol clean --help"):
        check(pipeline_file.read(tmp_path / "mice.yaml"))
