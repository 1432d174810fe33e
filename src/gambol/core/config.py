"""Settings of a task: typed, frozen, and the same thing in YAML and in memory."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from gambol.core.errors import InputError, did_you_mean

Settings = TypeVar("Settings", bound="Config")  # `Self`, which the shape checker cannot read


class Config(BaseModel):
    """Base of every task's settings. Says what to do; paths say where, and are arguments."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def from_yaml(cls: type[Settings], path: Path) -> Settings:
        """Read and validate settings; a key that no field claims is an error."""
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path} is not YAML: {reason}") from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"{path} cannot be read: {reason}; check the path") from error
        return cls.from_values(values or {}, str(path))

    @classmethod
    def from_values(cls: type[Settings], values: Any, source: str) -> Settings:
        """Validate settings that came from `source`, which the error sentence names."""
        if not isinstance(values, dict):
            raise InputError(f"{source}: settings are `key: value` lines, not {values!r}")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InputError(f"{source}: {_sentence(cls, error)}") from error

    def override(self: Settings, assignments: Iterable[str], source: str = "--set") -> Settings:
        """Return the settings changed by `key=value` texts; dots reach into blocks.

        A block of another `kind` has the defaults of that kind.

        The error sentence names `source`.

        >>> class Demo(Config):
        ...     steps: int = 10
        >>> Demo().override(["steps=20"]).steps
        20
        """
        values = self.model_dump(mode="json")
        for assignment in assignments:
            key, value = assigned(assignment, source)
            _assign(values, key.split("."), value, f"{source} {assignment}")
        return type(self).from_values(values, source)

    def to_yaml(self, path: Path) -> None:
        """Write every field, defaults included, so the file alone reproduces the run."""
        path.write_text(self.yaml(), encoding="utf-8")

    def yaml(self) -> str:
        """Return the text that `to_yaml` writes."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    def fingerprint(self) -> str:
        """Return a short hash that changes exactly when a setting does."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


def assigned(assignment: str, source: str = "--set") -> tuple[str, Any]:
    """Return the key of a `key=value` text, and its value as YAML has it.

    >>> assigned("fit.steps = 20")
    ('fit.steps', 20)
    """
    key, equals, text = assignment.partition("=")
    if not equals or not key.strip():
        raise InputError(f"{source} {assignment}: write key=value")
    try:
        return key.strip(), yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{source} {assignment}: {text!r} is not YAML") from error


def _assign(values: dict[str, Any], keys: list[str], value: Any, said: str) -> None:
    """Set values[k1][k2]… = value; a missing last key is left to validation to refuse."""
    for key in keys[:-1]:
        if key in values and values[key] is None:  # to be chosen; what is said of it chooses
            values[key] = {}
        if not isinstance(values.get(key), dict):
            hint = did_you_mean(key, values)
            raise InputError(f"{said}: there is no block {key!r}{hint}")
        values = values[key]
    if keys[-1] == "kind" and values.get("kind", value) != value:
        values.clear()  # what another kind was set to says nothing of this one
    values[keys[-1]] = value


def _sentence(cls: type[BaseModel], error: ValidationError) -> str:
    """Say the first thing that is wrong, with the nearest right key where one is misspelt."""
    # a misspelt key explains the required one that is missing, so it is said first
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _fields_at(cls, [str(part) for part in first["loc"][:-1]])
        word = str(first["loc"][-1])
        choices = did_you_mean(word, known) or f"; there are {', '.join(known)}"
        return f"no setting {where!r}{choices}"
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"{where}: {message}, got {first['input']!r}" if where else message


def _fields_at(cls: Any, path: list[str]) -> list[str]:
    """Names of the settings of the block at `path`; those of the top where it is unclear."""
    block = cls
    for name in path:
        field = getattr(block, "model_fields", {}).get(name)
        default = getattr(field, "default", None)
        block = type(default) if isinstance(default, BaseModel) else block
    return list(block.model_fields)
