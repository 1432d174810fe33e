"""A command done in shares side by side, by processes or machines, and joined by one more.

Each share is the same command with `--share K/N`, which does its part and leaves it on the
disk; the command itself, done last, finds all parts there.
"""

import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gambol.app import console, hands
from gambol.app.hands import Hands
from gambol.core.errors import InputError
from gambol.core.progress import Step, Stopped
from gambol.core.shares import Share

if TYPE_CHECKING:
    from gambol.app.pipeline_jobs import Ended

Workers = Annotated[
    int,
    typer.Option(min=1, help="Processes that share the work and the cores; or jobs."),
]
Part = Annotated[
    str | None,
    typer.Option("--share", help="K/N: do part K of N, from 0, and leave it to be joined."),
]

Tally = Callable[[], tuple[int, int]]  # pieces that are done, and all

TICK_S = 1.0  # between two looks at what is done
EACH = 2  # shares for each command that a cluster has room for: its jobs begin at any time
OWN = ("workers", "cluster", "share", "as_json")  # options that shares are not given


def is_wanted(workers: int, cluster: str | None, share: str | None) -> bool:
    """Tell whether a command is to be spread.

    Raises:
        InputError: the options contradict one another.
    """
    spread = workers > 1 or cluster is not None
    if spread and share is not None:
        raise InputError(
            "--share does one part, --workers and --cluster start all of them; give one"
        )
    return spread


def share_of(said: str | None) -> Share | None:
    """Read what `--share` says."""
    return None if said is None else Share.read(said)


def go(
    context: typer.Context,
    out: Path,
    workers: int,
    cluster: str | None,
    *,
    pieces: int | None = None,
    count: Callable[[], Tally] | None = None,
    more: tuple[str, ...] = (),
) -> Any:
    """Do a command in shares, then the whole; return its result.

    Args:
        context: of the command.
        out: what it writes; logs lie beside that until it is done.
        workers: processes, or jobs of a cluster.
        cluster: what `--cluster` says.
        pieces: no more shares than that.
        count: gives what counts the pieces that are done; None counts shares.
        more: words that each share gets besides.

    Raises:
        InputError: a share was refused.
    """
    from gambol.app.terms import Usual

    words, logs = (*words_of(context), *more), out.with_name(f".{out.name}.shares")
    quiet = context.params["as_json"]
    try:
        with hands.opened(Usual(Path.cwd(), words[:1]), cluster, workers) as crew:
            many = workers if cluster is None else EACH * crew.at_once
            many = many if pieces is None else max(min(many, pieces), 1)
            shares = [(*words, "--share", str(Share(k, many))) for k in range(many)]
            _check(_all(crew, shares, logs, count, quiet), logs)
            joined = crew.do(words, logs / "joined.txt", min(crew.gpus, 1))
            _check([joined], logs)
    except Stopped as stopped:
        console.say(f"gambol: {stopped}")
        raise typer.Exit(1) from stopped
    shutil.rmtree(logs, ignore_errors=True)
    return joined.result


def words_of(context: typer.Context) -> tuple[str, ...]:
    """Return the words of a command, but for those that say who does it."""
    words, places = [str(context.info_name)], []
    for param in context.command.params:
        value = context.params.get(str(param.name))
        if param.name in OWN or value is None or value == param.default:
            continue
        several = list(value) if isinstance(value, list | tuple) else [value]
        if param.param_type_name == "argument":
            # a name that begins with a dash is no option
            places += [f"./{one}" if str(one).startswith("-") else str(one) for one in several]
        elif isinstance(value, bool):
            words.append((param.opts if value else param.secondary_opts)[0])
        else:
            words += [text for one in several for text in (param.opts[0], str(one))]
    return (*words, *places)


def _all(
    crew: Hands,
    shares: list[tuple[str, ...]],
    logs: Path,
    count: Callable[[], Tally] | None,
    quiet: bool,
) -> "list[Ended]":
    """Do shares, as many at once as there is room for; tell how far they are."""
    with (
        console.reporting(quiet) as progress,
        ThreadPoolExecutor(min(crew.at_once, len(shares))) as pool,
    ):
        try:
            every = [
                pool.submit(crew.do, words, logs / f"{number}.txt", min(crew.gpus, 1))
                for number, words in enumerate(shares)
            ]
            waiting: set[Future[Ended]] = set(every)
            tally = None if count is None or quiet else count()  # while they begin
            while waiting:
                ended, waiting = wait(waiting, TICK_S, FIRST_COMPLETED)
                _check_input(one.result() for one in ended)
                done = (len(every) - len(waiting), len(every)) if tally is None else tally()
                progress(Step(shares[0][0], *done, f"{len(waiting)} shares left"))
            return [one.result() for one in every]
        except BaseException:
            crew.close()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _check_input(ended: "Iterable[Ended]") -> None:
    """Refuse what one share refused; the others would, too."""
    for one in ended:
        if one.refused:
            raise InputError(str(one.trouble))


def _check(ended: "list[Ended]", logs: Path) -> None:
    """Say what went wrong, each thing once."""
    _check_input(ended)
    bad = [one for one in ended if one.trouble is not None]
    for trouble in dict.fromkeys(one.trouble for one in bad):
        console.say(f"gambol: {trouble}")
    if bad:
        console.say(
            f"gambol: {len(bad)} of {len(ended)} parts are not done, see {logs}; the same "
            "command does what is missing"
        )
        raise typer.Exit(1)
