"""What may be asked of a stage, as JSON: `python -m gambol.app.job_schemas STAGE`.

With `check` behind the stage it reads settings from its input and says what is wrong in them.
Stages with networks take seconds to import and hundreds of MB; the server asks a process that
ends again (`web.job_schemas`).
"""

import inspect
import json
import re
import sys
from typing import Any

from gambol.app import job_stages
from gambol.core.config import Config
from gambol.core.errors import InputError

_FIELD = re.compile(r"^    (\w+): [^#]*(?:#\s*(.*))?$")
_NOTE = re.compile(r"^    #\s*(.*)$")


def described(kind: type[Config]) -> dict[str, Any]:
    """Return the JSON schema of settings; what a comment says of one is its description."""
    schema = kind.model_json_schema(mode="validation")
    blocks = {kind.__name__: schema, **schema.get("$defs", {})}
    for one in _family(kind):
        said = _comments(one)
        for name, values in blocks.get(one.__name__, {}).get("properties", {}).items():
            if name in said:
                values["description"] = said[name]
    return schema


def presets(name: str, gpu: bool) -> list[dict[str, Any]]:
    """Return settings that suit a purpose, the usual ones first."""
    if name != "train":
        return [{"name": "standard", "reason": "the defaults", "config": {}, "minutes": None}]
    quick, usual = (3.0, 10.0) if gpu else (10.0, 30.0)
    where = "on this graphics card" if gpu else "on this processor"
    return [
        {
            "name": "quick",
            "reason": f"usable after a few minutes {where}: enough to correct instead of place",
            "config": {"fit": {"minutes": quick, "evaluate_every": 50}},
            "minutes": quick,
        },
        {
            "name": "standard",
            "reason": "errors fall by little after that, with up to some hundred labels",
            "config": {"fit": {"minutes": usual, "evaluate_every": 100}},
            "minutes": usual,
        },
        {
            "name": "thorough",
            "reason": "until validation gains nothing any more: for the final poses",
            "config": {},
            "minutes": None,
        },
    ]


def answer(name: str) -> dict[str, Any]:
    """Return settings, presets, and what they would run on."""
    stage, kind = job_stages.stage(name), job_stages.settings(name)
    device, gpu = "processor", False
    if stage.lane == "device":
        from gambol.nn.engine import choose_device

        device = choose_device("auto").torch_name
        gpu = device != "cpu"
    made = presets(name, gpu)
    minutes = made[0]["minutes"]
    return {
        "stage": name,
        "title": stage.title,
        "settings": described(kind) if kind else {"type": "object", "properties": {}},
        "presets": made,
        "device": device,
        "estimate": f"{minutes:.0f} minutes at most, on {device}" if minutes else "",
    }


def wrong(name: str, config: dict[str, Any]) -> str:
    """Return what is wrong with settings, which names the first that is; empty: nothing."""
    kind = job_stages.settings(name)
    try:
        if kind is not None:
            kind.from_values(config, f"settings of {name}")
    except InputError as error:
        return str(error)
    return ""


def _family(kind: type[Config]) -> list[type[Config]]:
    """Return settings and all settings inside them."""
    found: list[type[Config]] = []
    rest: list[Any] = [kind]
    while rest:
        one = rest.pop()
        if isinstance(one, type) and issubclass(one, Config):
            if one not in found:
                found.append(one)
                rest += [field.annotation for field in one.model_fields.values()]
        else:
            rest += getattr(one, "__args__", ())
    return found


def _comments(kind: type[Config]) -> dict[str, str]:
    """Return what is said behind each field, or in the line after it."""
    found: dict[str, str] = {}
    last = ""
    for line in inspect.getsource(kind).splitlines():
        if field := _FIELD.match(line):
            last = field[1]
            if field[2]:
                found[last] = field[2].strip()
        elif (note := _NOTE.match(line)) and last and last not in found:
            found[last] = note[1].strip()
    return found


if __name__ == "__main__":
    if sys.argv[2:] == ["check"]:
        print(json.dumps(wrong(sys.argv[1], json.load(sys.stdin))))
    else:
        print(json.dumps(answer(sys.argv[1])))
