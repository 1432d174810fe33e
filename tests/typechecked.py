"""The type checks of the tests: beartype through jaxtyping's import hook, at a bearable cost.

The hook also checks functions inside functions, each time their `def` is run; writing and
compiling the check costs milliseconds, in a sampler's loop most of the time. What it hands over
is a stand-in without a body, so functions of one name with the same arguments and annotations
share one check (`once`). Nothing is left out. Long loops that do the same thing
thousands of times may have their types checked in the first rounds alone (`at_first`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from beartype import beartype
from jaxtyping import config

Item = TypeVar("Item")
ROUNDS = 50  # enough for every branch of a sweep to have been taken
_CHECKS: dict[tuple[object, ...], Callable[..., Any]] = {}


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


def at_first(items: Iterable[Item], rounds: int = ROUNDS) -> Iterator[Item]:
    """Give one item after the other; types are checked in the first rounds only."""
    before = config.jaxtyping_disable
    try:
        for count, item in enumerate(items):
            if count == rounds:
                config.update("jaxtyping_disable", True)
            yield item
    finally:
        config.update("jaxtyping_disable", before)
