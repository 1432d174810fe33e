"""Folders that are begun, gone on with, and never mixed."""

import pytest

from gambol.core.errors import InputError
from gambol.stages.begun import begin
from gambol.stages.simulate import FilmConfig


def test_a_folder_is_begun_once_and_gone_on_with(tmp_path):
    cfg = FilmConfig()
    begin(cfg, tmp_path / "new", "world", "a world")
    begin(cfg, tmp_path / "new", "world", "a world")
    with pytest.raises(InputError, match="holds a world with other settings"):
        begin(FilmConfig(labelled=3), tmp_path / "new", "world", "a world")
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match="is not empty and does not hold a world"):
        begin(cfg, tmp_path, "world", "a world")
