"""The tests' own type checks: cheaper than what they replace, and no mistake gets past them."""

import jaxtyping
import numpy as np
import pytest
import typechecked
from jaxtyping import Float, TypeCheckError

from gambol.pose import planning

checked = jaxtyping.jaxtyped(typechecker=typechecked.once)


@checked
def doubled(
    x: Float[np.ndarray, "T J"], way: str = "right", *, n: int = 0
) -> Float[np.ndarray, "J T"]:
    if way == "untransposed":
        return 2 * x
    return "nothing" if way == "text" else 2 * x.T


def nested(kind):
    """A function inside a function, with other annotations of the same name."""
    if kind == "array":

        @checked
        def inner(x: Float[np.ndarray, " T"]) -> float:
            return float(x.sum())

    else:

        @checked
        def inner(x: int) -> float:
            return x

    return inner


def test_right_arguments_and_results_pass():
    assert doubled(np.ones((2, 3)), n=1).shape == (3, 2)
    assert nested("array")(np.ones(3)) == 3.0


@pytest.mark.parametrize(
    "args, more",
    [
        ([np.ones(3)], {}),
        ([np.ones((2, 3), int)], {}),
        ([[1.0, 2.0]], {}),
        ([np.ones((2, 3)), 5], {}),
        ([np.ones((2, 3))], {"n": "one"}),
        ([np.ones((2, 3)), "text"], {}),
        ([np.ones((2, 3)), "untransposed"], {}),  # the sizes of the argument, but exchanged
    ],
)
def test_a_wrong_argument_or_result_is_found(args, more):
    with pytest.raises(TypeCheckError):
        doubled(*args, **more)


def test_functions_made_again_and_again_share_a_check_that_finds_mistakes_each_time():
    before = len(typechecked._CHECKS)
    for _ in range(3):
        with pytest.raises(TypeCheckError):
            nested("array")(np.ones((2, 2)))
        with pytest.raises(TypeCheckError):
            nested("number")(2)  # an int is returned as a float
        with pytest.raises(TypeCheckError):
            nested("number")("two")
    assert len(typechecked._CHECKS) - before <= 4


def test_first_calls_are_checked_in_every_test_anew():
    def is_found():
        try:
            doubled(np.ones(3))
        except TypeCheckError:
            return True
        return False

    typechecked.begin()
    found = [is_found() for _ in range(typechecked.CALLS + 3)]
    assert found == [True] * typechecked.CALLS + [False] * 3
    typechecked.begin()
    assert is_found()


def test_functions_that_a_loop_makes_are_checked_at_first():
    typechecked.begin()
    for _ in range(typechecked.CALLS):
        nested("array")(np.ones(3))
    assert not hasattr(nested("array"), "__wrapped__")  # the function itself
    typechecked.begin()
    with pytest.raises(TypeCheckError):
        nested("array")(np.ones((2, 2)))


def test_the_hook_of_the_tests_is_ours():
    assert jaxtyping.jaxtyped is typechecked.limited
    with pytest.raises(TypeCheckError):
        planning.within(np.ones(3), 1.0)
