"""The type checks of the tests: beartype through jaxtyping's import hook, at a bearable cost.

The hook also checks functions inside functions, each time their `def` is run; writing and
compiling the check costs milliseconds, in a sampler's loop most of the time. What it hands over
is a stand-in without a body, so functions of one name with the same arguments and annotations
share one check (`once`). A check costs some 35 µs a call, a third of what many tests took: so
of every function only the first `CALLS` calls in a test are checked (`limited`).
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import jaxtyping
from beartype import beartype

CALLS = 40  # of a function in one test; enough for every branch of a sweep to have been taken
_CHECKS: dict[tuple[object, ...], Callable[..., Any]] = {}
_CALLS: dict[tuple[str, str], int] = {}  # in this test, of functions by module and name
_UNLIMITED = jaxtyping.jaxtyped


def install() -> None:
    """Have the hook check first calls alone; before anything of gambol is imported."""
    jaxtyping.jaxtyped = limited


def begin() -> None:
    """Check first calls again: another test begins."""
    _CALLS.clear()


def limited(**settings: Any) -> Callable[[Any], Any]:
    """Stand for `jaxtyping.jaxtyped`, but check no more than `CALLS` calls of a function."""

    def decorate(function: Any) -> Any:
        if not inspect.isfunction(function):
            return _UNLIMITED(**settings)(function)
        key = function.__module__, function.__qualname__
        if "<locals>" in key[1] and _CALLS.get(key, 0) >= CALLS:
            return function  # one of many that a loop makes
        checked = _UNLIMITED(**settings)(function)

        @wraps(checked)
        def wrapped(*args: Any, **named: Any) -> Any:
            before = _CALLS.get(key, 0)
            if before >= CALLS:
                return function(*args, **named)
            _CALLS[key] = before + 1
            return checked(*args, **named)

        return wrapped

    return decorate


def once(stand_in: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with a check of its arguments, or of its result.

    Jaxtyping checks the arguments before a call, with a stand-in that returns anything, and
    after it all together. Sizes of arguments are still known then, so once is enough.
    """
    told = stand_in.__annotations__
    if told.get("return", Any) is not Any:
        stand_in.__annotations__ = {"return": told["return"]}
    if "<locals>" not in stand_in.__qualname__:
        return beartype(stand_in)
    key = _key(stand_in)
    if key not in _CHECKS:
        _CHECKS[key] = beartype(stand_in)
    return _CHECKS[key]


def _key(function: Callable[..., Any]) -> tuple[object, ...]:
    """Say what makes two stand-ins the same, besides the values of their defaults."""
    code = function.__code__
    return (
        function.__module__, function.__qualname__, code.co_varnames, code.co_argcount,
        code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags,
        len(function.__defaults__ or ()), tuple(sorted(function.__kwdefaults__ or ())),
        *(f"{name}: {kind}" for name, kind in function.__annotations__.items()),
    )  # fmt: skip
