"""Shares of work that several processes or machines do side by side."""

from collections.abc import Sequence
from typing import NamedTuple, Self, TypeVar

from gambol.core.errors import InputError

Some = TypeVar("Some")


class Share(NamedTuple):
    """One of several equal shares."""

    number: int  # from 0
    of: int

    @classmethod
    def read(cls, said: str) -> Self:
        """Read K/N.

        >>> Share.read("1/4")
        Share(number=1, of=4)
        """
        part, _, whole = said.partition("/")
        if not (part.isdecimal() and whole.isdecimal() and int(part) < int(whole)):
            raise InputError(f"--share {said}: write K/N with K below N, such as 0/4")
        return cls(int(part), int(whole))

    def stretch(self, pieces: int) -> range:
        """Return the pieces that are this share's where neighbours belong together.

        >>> [list(Share(k, 3).stretch(7)) for k in range(3)]
        [[0, 1], [2, 3], [4, 5, 6]]
        """
        return range(self.number * pieces // self.of, (self.number + 1) * pieces // self.of)

    def every(self, items: Sequence[Some]) -> Sequence[Some]:
        """Return the items that are this share's: one in so many.

        >>> Share(1, 3).every("abcdefg")
        'be'
        """
        return items[self.number :: self.of]

    def __str__(self) -> str:
        """Return it as `read` takes it."""
        return f"{self.number}/{self.of}"
