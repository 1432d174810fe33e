"""The messages in TypeScript: `web/src/types.gen.ts`, made from `models.py`.

`python -m gambol.app.web.typescript` writes it; `--check` only says whether it is current.
"""

import sys
import types
import typing
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gambol.app.web import models

TARGET = Path(__file__).parents[4] / "web" / "src" / "types.gen.ts"
_HEAD = (
    "// Made from src/gambol/app/web/models.py by python -m gambol.app.web.typescript;"
    " never edited by hand.\n"
)
_PLAIN: dict[Any, str] = {
    int: "number", float: "number", str: "string", bool: "boolean",
    type(None): "null", Any: "unknown",
}  # fmt: skip


def source() -> str:
    """Return the text of the file."""
    parts = [_HEAD]
    for name, value in vars(models).items():
        if get_origin(value) in (Literal, Union, types.UnionType) and not name.startswith("_"):
            parts.append(f"export type {name} = {of(value)};\n")
        elif isinstance(value, type) and _is_message(value):
            parts.append(_interface(value))
    return "\n".join(parts)


def of(kind: Any) -> str:
    """Return a Python type in TypeScript.

    >>> of(list[tuple[int, str | None]]), of(dict[str, Any]), of(tuple[int, ...])
    ('[number, string | null][]', 'Record<string, unknown>', 'number[]')
    """
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " | ".join(f'"{word}"' for word in args)
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(of(arg) for arg in args))
    if origin is list or (origin is tuple and args[1:] == (...,)):
        inner = of(args[0])
        joined = get_origin(args[0]) in (Literal, Union, types.UnionType)
        return f"({inner})[]" if joined and " | " in inner else f"{inner}[]"
    if origin is tuple:
        return f"[{', '.join(of(arg) for arg in args)}]"
    if origin is dict:
        return f"Record<string, {of(args[1])}>"
    if isinstance(kind, type) and _is_message(kind):
        return kind.__name__
    raise TypeError(f"{kind} has no counterpart in TypeScript here; add one to {__name__}")


def _is_message(kind: type) -> bool:
    return issubclass(kind, BaseModel) and kind not in (
        BaseModel,
        models.Model,
        models.Request,
    )


def _interface(model: type[BaseModel]) -> str:
    hints = typing.get_type_hints(model)
    lines = [f"/** {' '.join((model.__doc__ or '').split())} */"]
    lines.append(f"export interface {model.__name__} {{")
    for name, info in model.model_fields.items():
        lines.append(f"  {name}{_mark(model, info)}: {of(hints[name])};")
    return "\n".join([*lines, "}", ""])


def _mark(model: type[BaseModel], info: FieldInfo) -> str:
    """Only what the page sends may leave a field out."""
    return "?" if issubclass(model, models.Request) and not info.is_required() else ""


def main(words: list[str]) -> int:
    """Write the file, or with `--check` say whether it is current."""
    text = source()
    if words == ["--check"]:
        current = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text
        if not current:
            print(f"{TARGET} is stale; run python -m {__spec__.name}")
        return 0 if current else 1
    if words:
        print(f"usage: python -m {__spec__.name} [--check]")
        return 2
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
