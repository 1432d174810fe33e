import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.core.shares import Share


@given(st.integers(0, 50), st.integers(1, 9))
def test_shares_hold_everything_once(pieces, of):
    every = [Share(k, of) for k in range(of)]
    stretches = [list(one.stretch(pieces)) for one in every]
    assert sum(stretches, []) == list(range(pieces))
    sizes = [len(one) for one in stretches]
    assert max(sizes) - min(sizes) <= 1
    items = list(range(pieces))
    assert sorted(sum((list(one.every(items)) for one in every), [])) == items


@given(st.integers(0, 99), st.integers(1, 99))
def test_what_is_written_is_read(number, more):
    share = Share(number, number + more)
    assert Share.read(str(share)) == share


@pytest.mark.parametrize("said", ["", "1", "2/2", "1/0", "-1/2", "a/b", "1/2/3"])
def test_what_is_no_share_is_refused(said):
    with pytest.raises(InputError, match="write K/N with K below N"):
        Share.read(said)
