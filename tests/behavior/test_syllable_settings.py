"""Settings: refused where misspelt, the same after YAML, every one documented."""

import re
from pathlib import Path

import pytest

from gambol.behavior import syllable_settings
from gambol.behavior.syllable_settings import SyllableSettings
from gambol.core.errors import InputError


def test_a_misspelt_setting_is_refused():
    with pytest.raises(InputError, match="did you mean 'lags'"):
        SyllableSettings.from_values({"lag": 3}, "settings.yaml")


def test_settings_are_the_same_after_yaml(tmp_path):
    chosen = SyllableSettings(kappa=1e5, anterior=("nose",), up="y", n_dims=4)
    chosen.to_yaml(tmp_path / "s.yaml")
    assert SyllableSettings.from_yaml(tmp_path / "s.yaml") == chosen


def test_every_setting_has_a_word_beside_it():
    lines = Path(syllable_settings.__file__).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if re.match(r"    \w+: ", line):
            assert "#" in line or "#" in lines[number + 1], line
