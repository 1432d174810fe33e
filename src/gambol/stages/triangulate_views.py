"""2D poses made ready for triangulation, a stretch of frames at a time.

Read, of several networks made one, hung on a skeleton, matched across cameras, filtered; and,
of a long recording, kept on disk.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step
from gambol.core.skeleton import Skeleton
from gambol.core.views import Views, joined
from gambol.io import views as io_views
from gambol.io import views_kept
from gambol.io.skeleton_file import read_skeleton
from gambol.io.views_kept import Kept
from gambol.multiview import filters
from gambol.stages.individuals import Matching

Filter = Callable[[Views], Views]
READ = 4096
# frames that are read together; a median sees as many on each side, so that its bridges differ
# from those of the whole only beside gaps that are longer still


class Sight:
    """What cameras saw, as one or several networks say."""

    def __init__(
        self, members: list[io_views.Recording], skeleton: Skeleton | None = None
    ) -> None:
        """Take recordings of the same animals.

        Args:
            members: one a network.
            skeleton: bones, and the keypoints that count in their order; None: of the files.
        """
        self._members, self._hung = members, skeleton
        self.frames, self.times = members[0].frames, members[0].times
        self.cameras, self.animals = members[0].cameras, members[0].animals
        self.skeleton = skeleton or members[0].skeleton

    def parts(self, size: int) -> Iterator[dict[str, Views]]:
        """Yield so many frames after another: what was seen of every animal."""
        for said in zip(*(member.parts(size) for member in self._members), strict=True):
            views = said[0]
            if len(said) > 1:
                views = {name: filters.ensemble([one[name] for one in said]) for name in views}
            if self._hung is not None:
                views = {name: one.hung(self._hung) for name, one in views.items()}
            yield views

    def remarks(self) -> tuple[str, ...]:
        """Return what a person should know, once all parts were read."""
        return self._members[0].remarks()


def open_sight(
    sources: list[Path],
    rig: Rig,
    assign: Mapping[str, Path] | None,
    *,
    unseen: tuple[tuple[float, float], ...],
    fps: float | None,
    ensemble: bool,
    skeleton: Path | None,
    scratch: Path,
) -> Sight:
    """Open what the cameras saw: by one network, or by several as one.

    Args:
        sources: 2D pose files, or folders of them; of an ensemble a folder a network.
        rig: the cameras.
        assign: files of cameras, where names do not tell.
        unseen: positions, px, that mean: not seen.
        fps: where the files do not know it.
        ensemble: there are several networks.
        skeleton: a YAML file with bones.
        scratch: folder for files that have to be read whole.
    """
    if ensemble:
        sight = _ensemble(sources, rig, assign, unseen, fps, scratch)
    else:
        one = io_views.open_views(sources, rig, assign, unseen=unseen, fps=fps, scratch=scratch)
        sight = Sight([one])
    if skeleton is None:
        return sight
    bones, known = read_skeleton(skeleton), sight.skeleton.keypoints
    if lost := [name for name in bones.keypoints if name not in known]:
        raise InputError(
            f"{skeleton}: the 2D poses have no keypoint {lost[0]!r}; they have "
            f"{', '.join(known)}"
        )
    return Sight(sight._members, bones)


def ready(matching: Matching, smooth: Filter | None) -> Iterator[list[Views]]:
    """Yield what all cameras saw of each animal, part by part.

    Args:
        matching: who is who.
        smooth: filter of 2D points; a part sees those beside it.
    """
    if smooth is None:
        yield from matching.views()
        return
    for before, here, after in _with_neighbours(matching.views()):
        out = []
        for n, views in enumerate(here):
            parts = [part[n] for part in (before, here, after) if part is not None]
            first = 0 if before is None else len(before[n].times)
            done = smooth(joined(parts))
            out.append(done.of_frames(slice(first, first + len(views.times))))
        yield out


def keep(
    sight: Sight, matching: Matching, smooth: Filter | None, folder: Path, progress: Progress
) -> Kept:
    """Keep what is ready on disk.

    Args:
        sight: the recording.
        matching: who is who in it.
        smooth: see `ready`.
        folder: where.
        progress: told of frames.
    """
    keeper = views_kept.Keeper(folder, matching.count)
    done = 0
    for part in ready(matching, smooth):
        keeper.add(part)
        done += len(part[0].times)
        progress(Step("views", done, sight.frames, folder.parent.name))
    remarks = (*sight.remarks(), *matching.told())
    return keeper.finish(matching.names(), part[0], sight.times, remarks)


def _ensemble(
    sources: list[Path],
    rig: Rig,
    assign: Mapping[str, Path] | None,
    unseen: tuple[tuple[float, float], ...],
    fps: float | None,
    scratch: Path,
) -> Sight:
    if len(sources) < 2 or assign or not all(source.is_dir() for source in sources):
        raise InputError("ensemble: give two folders or more, each with one network's poses")
    members = [
        io_views.open_views([source], rig, unseen=unseen, fps=fps, scratch=scratch)
        for source in sources
    ]
    first = members[0]
    for source, one in zip(sources, members, strict=True):
        if set(one.animals) != set(first.animals):
            raise InputError(
                f"{source} knows the animals {', '.join(one.animals)}, {sources[0]} "
                f"{', '.join(first.animals)}; an ensemble needs the same"
            )
        if one.frames != first.frames:
            raise InputError(
                f"{source} has {one.frames} frames, {sources[0]} {first.frames}; run all "
                "networks of an ensemble on the same videos"
            )
    return Sight(members)


def _with_neighbours(
    parts: Iterable[list[Views]],
) -> Iterator[tuple[list[Views] | None, list[Views], list[Views] | None]]:
    """Yield every part between the one before and the one after it."""
    before: list[Views] | None = None
    here: list[Views] | None = None
    for after in parts:
        if here is not None:
            yield before, here, after
        before, here = here, after
    if here is not None:
        yield before, here, None
