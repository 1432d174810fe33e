import json
import subprocess
import sys

from pydantic import PositiveInt

from gambol.app.job_schemas import answer, described, presets
from gambol.core.config import Config
from gambol.stages.train import TrainConfig


class Inner(Config):
    width: PositiveInt = 3  # of the line


class Outer(Config):
    """Doc."""

    steps: int | None = None  # how many; null: enough
    plain: int = 1
    long: float = 2.0
    # said in the next line
    inner: Inner = Inner()


def test_comments_become_descriptions():
    schema = described(Outer)
    found = {name: field.get("description") for name, field in schema["properties"].items()}
    assert found["steps"] == "how many; null: enough" and found["plain"] is None
    assert found["long"] == "said in the next line"
    assert schema["$defs"]["Inner"]["properties"]["width"]["description"] == "of the line"


def test_every_preset_is_good_settings_and_the_first_is_short():
    for gpu in (True, False):
        for one in presets("train", gpu):
            cfg = TrainConfig.from_values(one["config"], one["name"])
            assert cfg.fit.minutes == one["minutes"] and one["reason"]
    assert presets("train", True)[0]["minutes"] <= 3  # usable on a graphics card
    assert presets("train", False)[0]["minutes"] <= 10  # and on a laptop


def test_settings_of_training_say_what_they_mean():
    told = answer("train")
    fields = told["settings"]["$defs"]["FitConfig"]["properties"]
    assert "wall clock" in fields["minutes"]["description"]
    assert told["device"] and "minutes" in told["estimate"]


def test_as_a_program_it_prints_json():
    done = subprocess.run(
        [sys.executable, "-m", "gambol.app.job_schemas", "import"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "nan_means" in json.loads(done.stdout)["settings"]["properties"]
