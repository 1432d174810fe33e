import subprocess
import sys

import pytest
from pydantic import ValidationError

from gambol.pose.appearance_settings import AppearanceConfig


def test_settings_are_read_without_torch():
    program = "import sys, gambol.pose.appearance_settings; print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.stdout == "False\n", said.stderr


@pytest.mark.parametrize("key", ["side", "steps", "batch", "crops", "rate", "temperature"])
def test_what_counts_is_above_0(key):
    with pytest.raises(ValidationError):
        AppearanceConfig.model_validate({key: 0})
