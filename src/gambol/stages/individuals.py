"""Who is who in several cameras, under one name in all of them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.views import Views
from gambol.multiview import associate, associate_tracks

Match = Literal["auto", "names", "tracks", "frames"]
BY_NAME = "several animals: the same name in two cameras is taken for the same animal"
Parts = Callable[[], Iterable[dict[str, Views]]]  # a recording from its beginning, piecewise


def match(
    by: Match, how: associate.Associate, views: dict[str, Views], rig: Rig
) -> tuple[dict[str, Views], list[str]]:
    """Find who is who in the other views, and say how many instances nobody confirmed.

    Args:
        by: what tells.
        how: settings of all but names.
        views: of every individual, as the cameras name it.
        rig: the cameras.
    """
    first = next(iter(views.values()))
    params = rig.select(list(first.cameras)).params()
    matching = Matching(by, how, lambda: [views], tuple(views), params, first.skeleton)
    (found,) = matching.views()
    return dict(zip(matching.names(), found, strict=True)), matching.told()


class Matching:
    """The same of a recording that is read part by part.

    What is known of an animal is carried from part to part, so that the parts do not matter.
    """

    def __init__(
        self,
        by: Match,
        how: associate.Associate,
        parts: Parts,
        names: tuple[str, ...],
        params: Float[np.ndarray, "V 24"],
        skeleton: Skeleton,
    ) -> None:
        """Prepare.

        Args:
            by: what tells.
            how: settings of all but names.
            parts: of every individual, as the cameras name it; read twice for `tracks`.
            names: of these individuals.
            params: of the cameras, `kernels.projection`.
            skeleton: of the animals.
        """
        self._by: Match = "names" if len(names) == 1 else by
        if how.individuals is None:
            how = how.model_copy(update={"individuals": len(names)})
        self._how, self._parts, self._given = how, parts, names
        self._params, self._skeleton = params, skeleton
        self._tracks = self._joined() if self._by == "tracks" else None
        self.count = len(names)  # animals that are found
        if self._tracks is not None:
            self.count = int(self._tracks.individual.max(initial=associate.NOBODY)) + 1
        elif self._by != "names":
            self.count = int(how.individuals or 0)
        if not self.count:
            raise InputError(
                "no track of a camera fits one of another; check the calibration, or set "
                "match=names"
            )
        self._votes = np.zeros((self.count, len(names)))
        self._lost = self._there = 0

    def views(self) -> Iterator[list[Views]]:
        """Yield, part by part, what all cameras saw of each animal."""
        if self._by == "names":
            for part in self._parts():
                yield list(part.values())
            return
        self._votes[:] = self._lost = self._there = 0
        for part, xy, found in self._found():
            seen = np.isfinite(xy).all(-1).any(-1)
            self._there += int(seen.sum())
            self._lost += int((seen & (found.individual < 0)).sum())
            for slot in range(len(self._given)):
                who = found.individual[:, :, slot]
                self._votes[:, slot] += np.bincount(who[who >= 0], minlength=self.count)
            yield _regrouped(part, found, xy)

    def names(self) -> tuple[str, ...]:
        """Return the name that each animal has most often, once all `views` were seen."""
        if self._by == "names":
            return self._given
        rows, columns = linear_sum_assignment(-self._votes)
        called = {int(r): self._given[c] for r, c in zip(rows, columns, strict=True)}
        return tuple(called.get(i, f"animal{i + 1}") for i in range(self.count))

    def told(self) -> list[str]:
        """Say what was believed, or how many nobody confirmed, once all `views` were seen."""
        if self._by == "names":
            return [BY_NAME] if len(self._given) > 1 else []
        return [
            f"animals were matched across cameras by where their rays meet; {self._lost} of "
            f"{self._there} instances were confirmed by no other camera"
        ]

    def _found(self) -> Iterator[tuple[dict[str, Views], np.ndarray, associate.Associated]]:
        """Yield parts, their positions, and who every instance is."""
        if self._tracks is not None:
            for part in self._parts():
                xy = _stacked(part)
                yield part, xy, associate_tracks.instances(
                    self._tracks, xy, _slots(xy), self._params, self._skeleton, self._how
                )  # fmt: skip
            return
        held: list[dict[str, Views]] = []  # the part that is being looked at

        def positions() -> Iterator[np.ndarray]:
            for part in self._parts():
                held.append(part)
                yield _stacked(part)

        done = associate.by_parts(positions(), self._params, self._skeleton, self._how)
        for found in done:
            part = held.pop()
            yield part, _stacked(part), found

    def _joined(self) -> associate_tracks.Tracks:
        """Read everything once, and say which tracks are of one animal."""
        stacked = (_stacked(part) for part in self._parts())
        said = ((xy, _slots(xy)) for xy in stacked)
        return associate_tracks.joined(said, self._params, self._skeleton, self._how)


def _stacked(views: dict[str, Views]) -> np.ndarray:
    """Positions (T, V, I, J, 2)."""
    return np.stack([one.xy for one in views.values()], axis=2)


def _slots(xy: np.ndarray) -> np.ndarray:
    """The number (T, V, I) of every instance's track, which is that of its slot."""
    seen = np.isfinite(xy).all(-1).any(-1)
    return np.where(seen, np.arange(xy.shape[2]), associate.NOBODY)


def _regrouped(
    views: dict[str, Views], found: associate.Associated, xy: np.ndarray
) -> list[Views]:
    """Give every individual what all cameras saw of it."""
    first = next(iter(views.values()))
    points = associate.gather(xy, found, first.skeleton)
    sure = np.stack([one.confidence for one in views.values()], axis=2)
    wide = np.stack([one.variance for one in views.values()], axis=2)
    both = associate.gather(np.stack([sure, wide], axis=-1), found, first.skeleton)
    several = _several(views, found)
    return [
        first._replace(
            xy=points[:, i],
            confidence=np.nan_to_num(both[:, i, ..., 0]),
            variance=both[:, i, ..., 1],
            candidates=None if several is None else several[:, i, ..., :2],
            candidate_score=None if several is None else np.nan_to_num(several[:, i, ..., 2]),
        )
        for i in range(found.individuals)
    ]


def _several(views: dict[str, Views], found: associate.Associated) -> np.ndarray | None:
    """Candidates and their scores (T, N, V, J, C, 3) of every individual, if there are any."""
    if any(one.candidates is None for one in views.values()):
        return None
    skeleton = next(iter(views.values())).skeleton
    places = np.stack([np.asarray(one.candidates) for one in views.values()], axis=2)
    score = np.stack([np.asarray(one.candidate_score) for one in views.values()], axis=2)
    out = []
    for c in range(score.shape[-1]):
        point = associate.gather(places[..., c, :], found, skeleton)
        sure = associate.gather(score[..., [c, c]], found, skeleton)[..., :1]
        out.append(np.concatenate([point, sure], axis=-1))
    return np.stack(out, axis=-2)
