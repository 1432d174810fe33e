"""What a person can mend: one sentence with the file, the value and the remedy."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something given from outside is wrong; the message says what, where and what to do.

    Faces (command line, studio) show the message alone and never a traceback; the command
    line exits with status 2.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the closest known word, else an empty string.

    >>> did_you_mean("epocs", ["epochs", "steps"])
    "; did you mean 'epochs'?"
    >>> did_you_mean("zzz", ["epochs"])
    ''
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
