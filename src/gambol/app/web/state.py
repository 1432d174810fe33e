"""What all routes share: the project's desk, the hub, and the parts that others run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from starlette.requests import HTTPConnection

from gambol.app.web import news
from gambol.app.web.answers import missing
from gambol.app.web.desk import Desk
from gambol.app.web.guests import Guests
from gambol.app.web.hub import Hub
from gambol.app.web.models import Prediction
from gambol.io.project import Project, author

if TYPE_CHECKING:  # which import this
    from gambol.app.web.guard import Access
    from gambol.app.web.jobs import Jobs
    from gambol.app.web.pictures import Pictures
    from gambol.app.web.tracks import Tracks

Role = Literal["edit", "read"]


class Predictions(Protocol):
    """What networks saw, frame by frame."""

    def at(self, video: int, frame: int) -> Prediction | None:
        """Return the newest prediction of a frame; called in threads that may wait."""

    def look_again(self) -> None:
        """Look for new files at the next question."""


class Roll(Protocol):
    """Work outside of the log that people did under their names."""

    def has(self, author: str) -> bool:
        """Tell whether some is of this author."""

    def rename(self, old: str, new: str) -> int:
        """Let what is of one author be another's, of whom there is none; return how much."""


class NoPredictions:
    """Of a project in which nothing was predicted."""

    def at(self, video: int, frame: int) -> Prediction | None:
        """Return None."""
        return None

    def look_again(self) -> None:
        """Do nothing: there are no files."""


def nowhere(file: str) -> Path:
    """Say that there is no such file."""
    raise missing(f"file {file!r}")


@dataclass
class Studio:
    """One server of one project. `server.application` fills what the modules own."""

    folder: Path
    desk: Desk
    hub: Hub = field(default_factory=Hub)
    roots: list[Path] = field(default_factory=list)  # under which the page may choose files
    user: str = field(default_factory=author)  # who edits, unless the page says another name
    version: str = ""
    predictions: Predictions = field(default_factory=NoPredictions)
    pictures: "Pictures | None" = None
    jobs: "Jobs | None" = None
    access: "Access | None" = None
    tracks: "Tracks | None" = None
    place: Callable[[str], Path] = nowhere  # of the id of a file or an upload; files.py
    # who has which suggested frame open; suggestions.py
    holders: Callable[[], dict[tuple[int, int], str]] = dict
    guests: Guests = field(default_factory=Guests)  # browsers without a name
    rolls: list[Roll] = field(default_factory=list)  # bouts and decisions; behavior.py
    # median and 95th percentile of the held-out error, px, by keypoint; jobs.py
    errors: Callable[[], dict[str, tuple[float, float]]] = dict

    def __post_init__(self) -> None:
        """Let the hub hear of every edit, whoever made it."""
        self.desk.told = self._tell

    def _tell(self, project: Project, since: int) -> None:
        messages = news.since(project, since)
        for message in messages if messages is not None else [news.reload(project.seq())]:
            self.hub.send(message)


def role(connection: HTTPConnection) -> Role:
    """Return what the guard lets this connection do; it notes `scope["gambol.role"]`."""
    return "read" if connection.scope.get("gambol.role") == "read" else "edit"
