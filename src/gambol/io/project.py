"""A project: the folder in which a person's labels live, and all that may change them."""

import getpass
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float, UInt8

from gambol.core.errors import InputError
from gambol.core.labels import EVERY, Labels, Origin, Region, Visibility, from_positions
from gambol.core.skeleton import Skeleton
from gambol.io import project_edits as edits
from gambol.io import project_extras, project_keypoints, store
from gambol.io import project_rows as rows
from gambol.io import project_schema as schema
from gambol.io import project_steps as steps
from gambol.io import project_videos as videos
from gambol.io.project_counts import Counts
from gambol.io.project_edits import EditRow
from gambol.io.project_merge import Merged, merge
from gambol.io.project_rows import RegionRow, Suggestion
from gambol.io.project_videos import VideoRow


class Project:
    """An open project. Every method that changes something is one edit, whole or not at all."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        """Wrap an open database; use `create` or `open`."""
        self.folder = folder.resolve()
        self.path = self.folder / schema.NAME
        self._connection = connection
        self.counts = Counts()

    @classmethod
    def create(cls, folder: Path, skeleton: Skeleton) -> Self:
        """Make a project in a folder, which is made if it does not exist."""
        path = folder / schema.NAME
        if path.exists():
            raise InputError(f"{folder} is a project already; choose another folder")
        notes = {"gambol": version("gambol"), "created": datetime.now(UTC).isoformat()}
        with store.atomic(path) as partial, schema.sentences(path):
            schema.create(partial, notes)
            with (
                closing(schema.connect(partial)) as connection,
                edits.edit(connection, partial, "create", author()) as edit,
            ):
                edit.put("skeleton", (1,), {"value": json.dumps(skeleton.to_dict())})
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a project; a newer, damaged or half-written one is refused in one sentence."""
        return cls(folder, schema.connect(folder / schema.NAME))

    def close(self) -> None:
        """Give the database back."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """The database, for `project_changes` and `project_views`."""
        return self._connection

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of all labels."""
        with schema.sentences(self.path):
            value = edits.get(self._connection, "skeleton", (1,))
        if value is None:
            raise InputError(f"{self.path} holds no skeleton; restore it from backups/")
        return Skeleton.from_dict(json.loads(value["value"]))

    def videos(self) -> list[VideoRow]:
        """Return the videos in the order in which they were added."""
        return [VideoRow(*row) for row in self._all("SELECT * FROM videos ORDER BY id")]

    def individuals(self) -> dict[int, str]:
        """Return the names of the animals by their number."""
        return dict(self._all("SELECT id, name FROM individuals ORDER BY id"))

    def add_video(self, ref: str | Path, by: str | None = None) -> int:
        """Add a video unless its content is there already; return its number."""
        return self.add_described(videos.describe(str(ref), self.folder), by)

    def add_described(self, values: dict[str, Any], by: str | None = None) -> int:
        """Add a video that `project_videos.describe` looked at, perhaps in another thread."""
        with self._edit("add video", by) as edit:
            number = rows.video_number(edit, values)
        self._found_again({number: values["path"]})
        return number

    def locate(self, video: int, search: Iterable[Path] = ()) -> str:
        """Return the absolute reference of a video, found again by its content when moved.

        Looked for where it was last, then in the project, in the folder around it and in
        `search`. Where it was found is remembered.
        """
        row = next((row for row in self.videos() if row.id == video), None)
        if row is None:
            raise InputError(f"{self.folder} has no video {video}; gambol info lists them")
        ref = self.find(row, search)
        if ref is None:
            raise InputError(
                f"the video {videos.expected(row, self.folder)} of {self.folder} is neither "
                "there nor anywhere near; put it back, or import it from where it is now"
            )
        return ref

    def find(self, row: VideoRow, search: Iterable[Path] = ()) -> str | None:
        """Return where a video lies, or None."""
        usual = videos.expected(row, self.folder)
        if videos.exists(usual):
            return usual
        ref = videos.search(row, [self.folder, self.folder.parent, *search])
        if ref is not None:
            self._remember(row.id, videos.relative(ref, self.folder))
        return ref

    def labels(self, drafts: bool = False) -> Labels:
        """Return all labels; a lost video keeps the reference of where it should be.

        Frames in which somebody is at work come only as `drafts`, those whose picture is no
        good not at all.
        """
        known = self.videos()
        refs = [self.find(row) or videos.expected(row, self.folder) for row in known]
        with schema.sentences(self.path):
            return rows.labels(
                self._connection, self.skeleton, known, tuple(refs), self.individuals(), drafts
            )

    def unfinished(self) -> int:
        """Return how many frames `labels` leaves out, as somebody is still at work there."""
        with schema.sentences(self.path):
            return rows.unfinished(self._connection)

    def bad(self) -> list[tuple[int, int]]:
        """Return video and number of the frames whose picture is no good."""
        with schema.sentences(self.path):
            return rows.bad(self._connection)

    def put_labels(
        self, labels: Labels, action: str = "import", by: str | None = None
    ) -> Merged:
        """Merge labels: an animal in a frame is replaced, everything else stays.

        An animal without a name is the one in the same place, if there is one. The videos are
        added by content. A model's labels never replace a person's. If there are labels
        already, a copy of the database is put into backups/ first.
        """
        labels = rows.fitted(labels, self.skeleton, self.folder)
        said = np.concatenate([labels.pairs, labels.negatives, labels.incomplete])
        hidden = [(r.video, max(r.frame, 0)) for r in labels.regions]
        said = np.concatenate([said, np.array(hidden, np.int64).reshape(-1, 2)])
        used = np.unique(said[:, 0]).tolist()
        known = {v: videos.describe(labels.videos[v], self.folder) for v in used}
        for v in used:
            last = int(said[said[:, 0] == v, 1].max())
            rows.check_frame(last, known[v]["frames"], labels.videos[v])
        if self._all("SELECT 1 FROM instances LIMIT 1"):
            self.backup()
        with self._edit(action, by) as edit:
            numbers = {v: rows.video_number(edit, known[v]) for v in used}
            merged = merge(edit, labels, numbers)
        self._found_again({numbers[v]: known[v]["path"] for v in used})
        return merged

    def set_instance(
        self,
        video: int,
        frame: int,
        individual: str | int,
        xy: Float[np.ndarray, "J 2"],
        visibility: UInt8[np.ndarray, " J"],
        *,
        origin: Origin = Origin.PERSON,
        by: str | None = None,
    ) -> None:
        """Set one animal in one frame, in video pixels; the animal is made if it is new.

        Animals of one frame whose names nobody knows are -1, -2 … in the place of a name.
        """
        row = self._frame_of(video, frame)
        Labels(  # checks shapes and that states and positions agree
            self.skeleton,
            (row.path,),
            np.zeros(1, np.int64),
            np.array([frame]),
            np.zeros(1, np.int64),
            xy[None].astype(np.float64),
            visibility[None].astype(np.uint8),
            np.array([origin], np.uint8),
        )
        with self._edit("set", by) as edit:
            who = _number(edit, individual)
            numbers = project_keypoints.ids(edit.connection)
            now = edits.get(edit.connection, "instances", (video, frame, who))
            said = rows.value(xy, visibility, origin, numbers)
            kept = project_keypoints.kept(said, numbers, now)
            edit.put("instances", (video, frame, who), kept)

    def remove_instance(
        self, video: int, frame: int, individual: str | int, by: str | None = None
    ) -> None:
        """Remove one animal from one frame; what is not there stays not there."""
        known = {name: k for k, name in self.individuals().items()}
        who = known.get(individual) if isinstance(individual, str) else individual
        if who is not None:
            with self._edit("remove", by) as edit:
                edit.put("instances", (video, frame, who), None)
                edit.put("extras", (video, frame, who), None)

    def name_instance(
        self, video: int, frame: int, unknown: int, name: str, by: str | None = None
    ) -> None:
        """Say who an animal without a name (-1, -2 …) is; nobody is named twice in a frame."""
        with self._edit("name", by) as edit:
            said = edits.get(edit.connection, "instances", (video, frame, unknown))
            if said is None or unknown >= 0:
                raise InputError(f"frame {frame} holds no animal without a name {unknown}")
            key = (video, frame, rows.individual_number(edit, name))
            if edits.get(edit.connection, "instances", key) is not None:
                raise InputError(f"{name!r} is in frame {frame} already; name it otherwise")
            edit.put("instances", (video, frame, unknown), None)
            edit.put("instances", key, said)
            project_extras.move(edit, (video, frame, unknown), key)

    def set_complete(
        self, video: int, frame: int, complete: bool | None, by: str | None = None
    ) -> None:
        """Say whether every animal of a frame is labelled.

        True in a frame without animals: there is none to label. None: nobody said anything,
        which in a frame with labels counts as complete.
        """
        self._frame_of(video, frame)
        with self._edit("complete", by) as edit:
            rows.say_complete(edit, (video, frame), None if complete is None else int(complete))

    def regions(self) -> list[RegionRow]:
        """Return the polygons without loss and without score, in the order of their numbers."""
        with schema.sentences(self.path):
            return rows.regions(self._connection)

    def add_region(
        self,
        video: int,
        polygon: Float[np.ndarray, "K 2"],
        frame: int = EVERY,
        by: str | None = None,
    ) -> int:
        """Look away from a polygon (video pixels) in all frames or in one; return its number.

        The same region twice is one.
        """
        known = self._frame_of(video, max(frame, 0))
        none = np.zeros(0, np.int64)
        nobody = from_positions(
            self.skeleton, (known.path,), none, none, np.zeros((0, len(self.skeleton), 2)),
            nan_means=Visibility.UNLABELLED,
        )  # fmt: skip
        (region,) = replace(nobody, regions=(Region(0, frame, polygon),)).regions  # checked
        with self._edit("add region", by) as edit:
            return rows.add_region(edit, region, video)

    def remove_region(self, number: int, by: str | None = None) -> None:
        """Look at a polygon again."""
        with self._edit("remove region", by) as edit:
            if edits.get(edit.connection, "regions", (number,)) is None:
                raise InputError(
                    f"{self.folder} has no region {number}; gambol regions lists them"
                )
            edit.put("regions", (number,), None)

    def suggestions(self) -> list[Suggestion]:
        """Return the frames suggested for labelling, best first, finished ones too."""
        return [
            Suggestion(video, frame, reason, score, bool(done))
            for video, frame, reason, score, done in self._all(
                "SELECT video, frame, reason, score, done FROM suggestions ORDER BY rank"
            )
        ]

    def set_suggestions(self, suggestions: list[Suggestion], by: str | None = None) -> None:
        """Replace the list of suggestions."""
        for s in suggestions:
            self._frame_of(s.video, s.frame)
        with self._edit("suggest", by) as edit:
            rows.replace_suggestions(edit, suggestions)

    def track_log(self, path: Path) -> tuple[str, list[str]] | None:
        """Return what a log of edits of tracks is about, and its records; None if unknown."""
        name = self._inside(path)
        for number, said, about in self._all("SELECT id, path, about FROM tracks"):
            if said == name:
                query = f"SELECT record FROM track_edits WHERE tracks = {number} ORDER BY place"
                return about, [record for (record,) in self._all(query)]
        return None

    def set_track_log(
        self, path: Path, about: str, records: list[str], action: str, by: str | None = None
    ) -> None:
        """Replace the log of a file of tracks; its beginning nobody undoes."""
        with schema.transaction(self._connection, self.path):
            inside, by = self._inside(path), by or author()
            rows.put_track_log(self._connection, inside, about, records, action, by)

    def undo(self, n: int = 1, by: str | None = None) -> list[str]:
        """Take back the last n edits that stand; return what they were, the latest first.

        All or none: what others changed since is refused.
        """
        return steps.undo(self._connection, self.path, by or author(), n)

    def redo(self, n: int = 1, by: str | None = None) -> list[str]:
        """Make again what was undone last, unless something else was edited since."""
        return steps.redo(self._connection, self.path, by or author(), n)

    def history(self, since: int = 0) -> Iterator[EditRow]:
        """Yield the log of edits from its beginning, or from after an edit."""
        with schema.sentences(self.path):
            yield from edits.lines(self._connection, since)

    def seq(self) -> int:
        """Return the number of the newest edit, O(1)."""
        return int(self._all("SELECT coalesce(max(id), 0) FROM edits")[0][0])

    def check(self) -> list[str]:
        """Replay the log; say where the tables differ from it, or where the file is damaged."""
        with schema.sentences(self.path):
            damage = [r[0] for r in self._connection.execute("PRAGMA integrity_check")]
            wrong = [] if damage == ["ok"] else [str(line) for line in damage]
            return wrong + edits.differences(self._connection)

    def backup(self) -> Path:
        """Copy the database into backups/, where the newest copies are kept."""
        with schema.sentences(self.path):
            return schema.backup(self._connection, self.folder)

    def info(self) -> dict[str, Any]:
        """Return what there is, as plain values."""
        with schema.sentences(self.path):
            known = [
                row._asdict() | {"found": videos.exists(videos.expected(row, self.folder))}
                for row in self.videos()
            ]
            counts = rows.counts(self._connection, self.skeleton)
            notes = dict(self._all("SELECT key, value FROM meta"))
        return {
            "kind": "project",
            "path": str(self.folder),
            **notes,
            "skeleton": self.skeleton.to_dict(),
            "individuals": list(self.individuals().values()),
            "videos": known,
            **counts,
        }

    def _frame_of(self, video: int, frame: int) -> VideoRow:
        """Return a video that has this frame, or say what there is not."""
        row = next((row for row in self.videos() if row.id == video), None)
        if row is None:
            raise InputError(f"{self.folder} has no video {video}; gambol info lists them")
        rows.check_frame(frame, row.frames, row.path)
        return row

    def _inside(self, path: Path) -> str:
        """Return the path of a file in the project, as it is stored."""
        return path.resolve().relative_to(self.folder).as_posix()

    def _edit(self, action: str, by: str | None) -> Any:
        return edits.edit(self._connection, self.path, action, by or author())

    def _all(self, query: str) -> list[tuple[Any, ...]]:
        with schema.sentences(self.path):
            return self._connection.execute(query).fetchall()

    def moved(self, video: int, path: str) -> None:
        """Note where a video is now, relative to the project; that is no edit."""
        self._remember(video, path)

    def _found_again(self, places: dict[int, str]) -> None:
        """Note where videos are that no longer are where they were."""
        for row in self.videos():
            if row.id in places and not videos.exists(videos.expected(row, self.folder)):
                self._remember(row.id, places[row.id])

    def _remember(self, video: int, path: str) -> None:
        """Note where a video was found; a project that may not be written stays as it is."""
        try:
            with schema.transaction(self._connection, self.path):
                self._connection.execute(
                    "UPDATE videos SET path = ? WHERE id = ?", (path, video)
                )
        except InputError:
            return


def _number(edit: edits.Edit, individual: str | int) -> int:
    """Return the number of an animal: of a name, or of one that has none."""
    if isinstance(individual, str):
        return rows.individual_number(edit, individual)
    if individual >= 0:
        raise InputError(f"animal {individual} has no name; give one, or -1, -2 … for none")
    return individual


@contextmanager
def fresh(folder: Path) -> Iterator[None]:
    """Remove the project that the block makes in `folder` if the block fails."""
    had_folder, had_project = folder.exists(), (folder / schema.NAME).exists()
    try:
        yield
    except BaseException:
        if not had_project:
            (folder / schema.NAME).unlink(missing_ok=True)
        if not had_folder and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        raise


def author() -> str:
    """Return the name under which edits are logged."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no user of that number, as in some containers
        return "unknown"


__all__ = [
    "EditRow", "Merged", "Project", "RegionRow", "Suggestion", "VideoRow", "author", "fresh",
]  # fmt: skip
