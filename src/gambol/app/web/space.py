"""Routes of 3D: rigs, runs, points of a stretch, epipolar curves, decisions, health."""

import contextlib
import struct
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web import models, space_clock, space_queue, space_setup
from gambol.app.web.answers import body, fail, missing, number, ok, who
from gambol.app.web.space_files import Found, Run3d, find, timing
from gambol.app.web.space_points import Patched, Place, Word, epipolar, patched, solve, words
from gambol.app.web.state import Studio
from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.io import calibration, project_videos, track_logs, views
from gambol.io.detections import open_file
from gambol.multiview.clocks import Timing

_MOST = 512  # moments in one answer
_LOG = ".space.jsonl"  # of decisions, beside the run in the project's log
_INFINITE = 1e300  # JSON has no infinity


class Spaces:
    """The rigs and 3D runs of a project, each opened when somebody looks."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._lock = threading.Lock()
        self._found: Found | None = None
        self._runs: dict[str, Run3d] = {}
        self._errors: dict[str, space_queue.Errors] = {}
        self._health: dict[str, models.Health] = {}

    def find(self, anew: bool = False) -> Found:
        """Return what there is; looks again where asked to."""
        with self._lock:
            if anew or self._found is None:
                self._found = find(self._studio.folder)
            return self._found

    def run(self, name: str) -> Run3d:
        """Return a run, read again if its file has changed."""
        path = self.find().runs.get(name) or self.find(anew=True).runs.get(name)
        if path is None or not path.is_file():
            raise missing(f"3D run {name!r}")
        with self._lock:
            held = self._runs.get(name)
            if held is None or held.touch != path.stat().st_mtime_ns:
                held = self._runs[name] = Run3d(path)
                self._errors.pop(name, None)
                self._health.pop(name, None)
            return held

    def rig(self, name: str) -> Rig:
        """Return a rig: of a file of cameras, or as a run has it."""
        if name.startswith("s"):
            return self.run(name).rig
        path = self.find().rigs.get(name) or self.find(anew=True).rigs.get(name)
        if path is None:
            raise missing(f"rig {name!r}")
        return calibration.read(path)

    def errors(self, name: str) -> space_queue.Errors:
        """Return the errors of a run."""
        run = self.run(name)
        with run.lock:
            if name not in self._errors:
                self._errors[name] = space_queue.errors(run)
            return self._errors[name]

    def health(self, name: str) -> models.Health:
        """Return how the cameras of a run are."""
        run = self.run(name)
        with run.lock:
            if name not in self._health:
                self._health[name] = space_queue.health(run)
            return self._health[name]

    def log(self, name: str) -> Path:
        """Return where a log of decisions would lie; the project has it, not the disk."""
        path = self.run(name).path
        return path.with_name(path.stem + _LOG)

    async def words(self, name: str) -> dict[Place, Word]:
        """Return what people decided about a run."""
        log, made_from = (await run_in_threadpool(self.log, name)), self._runs[name].made_from
        kept = await self._studio.desk.ask(lambda p: _kept(p, log))
        # another run in the same place: decisions were about other points
        return words(kept.records) if kept is not None and kept.key == made_from else {}

    async def patched(self, name: str, first: int, stop: int) -> Patched:
        """Return moments with what people decided."""
        said = await self.words(name)

        def read() -> Patched:
            run = self.run(name)
            with run.lock:
                return patched(run.moments(first, stop), first, said, run.cameras, run.params)

        return await run_in_threadpool(read)


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""
    spaces = Spaces(studio)
    made = [*_looking(studio, spaces), *_rigs(spaces), *_deciding(studio, spaces)]
    return [*made, *space_setup.routes(studio)]


def _looking(studio: Studio, spaces: Spaces) -> list[BaseRoute]:
    async def space(_: Request) -> Response:
        found = await run_in_threadpool(spaces.find, True)
        videos, clocks = await studio.desk.ask(
            lambda p: (
                [(v.id, project_videos.expected(v, p.folder)) for v in p.videos()],
                space_clock.read(p),
            )
        )
        counts = {name: len(await _counted(studio, spaces, name)) for name in found.runs}

        def read() -> models.Space:
            rigs = [_rig_file(n, p, studio.folder) for n, p in found.rigs.items()]
            newest = sorted(found.runs, key=lambda n: -found.runs[n].stat().st_mtime_ns)
            about = _About(videos, clocks, studio.folder)
            runs = [_told(spaces, n, about, counts[n]) for n in newest]
            return models.Space(
                rigs=rigs, runs=[one for one in runs if one is not None],
                clocks=[space_setup.film_clock(v, one) for v, one in clocks.items()],
            )  # fmt: skip

        return ok(await run_in_threadpool(read))

    async def points(request: Request) -> Response:
        name, first, stop = await _stretch(request, spaces)
        made = await spaces.patched(name, first, stop)
        packed = await run_in_threadpool(_packed, made, first)
        return Response(packed, 200, {"Cache-Control": "no-store"}, "application/octet-stream")

    async def worst(request: Request) -> Response:
        name = str(request.path_params["run"])
        said = await spaces.words(name)
        found = await run_in_threadpool(spaces.errors, name)

        def read() -> models.WorstQueue:
            run = spaces.run(name)
            with run.lock:
                entries = space_queue.queue(run, found, said)
            limits = dict(zip(run.cameras, found.p95.tolist(), strict=True))
            still = sum(not one.accepted for one in entries)
            return models.WorstQueue(
                p95={c: v for c, v in limits.items() if np.isfinite(v)},
                open=still, entries=entries,
            )  # fmt: skip

        return ok(await run_in_threadpool(read))

    async def health(request: Request) -> Response:
        return ok(await run_in_threadpool(spaces.health, str(request.path_params["run"])))

    return [
        Route("/api/space", space),
        Route("/api/runs3d/{run}/points", points),
        Route("/api/runs3d/{run}/worst", worst),
        Route("/api/runs3d/{run}/health", health),
    ]


def _rigs(spaces: Spaces) -> list[BaseRoute]:
    async def times(request: Request) -> Response:
        run = await run_in_threadpool(spaces.run, str(request.path_params["run"]))
        data = run.times.astype("<f8").tobytes()
        return Response(data, 200, {"Cache-Control": "no-store"}, "application/octet-stream")

    async def cameras(request: Request) -> Response:
        name = str(request.path_params["rig"])
        rig = await run_in_threadpool(spaces.rig, name)
        made = [_camera(one) for one in rig.cameras]
        return ok(models.Cameras(rig=name, units=rig.units, up=rig.up, cameras=made))

    async def curves(request: Request) -> Response:
        said = await body(request, models.PointIn)
        rig = await run_in_threadpool(spaces.rig, str(request.path_params["rig"]))
        _require(rig, said.camera)
        near = None if said.near is None else np.array(said.near)
        at = np.array([said.x, said.y])
        found = await run_in_threadpool(epipolar, rig, said.camera, at, near)
        drawn = [
            models.Curve2d(camera=c, parts=[[(x, y) for x, y in p.tolist()] for p in parts])
            for c, parts in found.items()
        ]
        return ok(models.Curves(camera=said.camera, curves=drawn))

    async def triangulate(request: Request) -> Response:
        said = await body(request, models.ToTriangulate)
        rig = await run_in_threadpool(spaces.rig, str(request.path_params["rig"]))
        return ok(await run_in_threadpool(_solution, rig, said))

    return [
        Route("/api/runs3d/{run}/times", times),
        Route("/api/rigs/{rig}/cameras", cameras),
        Route("/api/rigs/{rig}/epipolar", curves, methods=["POST"]),
        Route("/api/rigs/{rig}/triangulate", triangulate, methods=["POST"]),
    ]


def _deciding(studio: Studio, spaces: Spaces) -> list[BaseRoute]:
    async def decide(request: Request) -> Response:
        said = await body(request, models.Decide)
        name = str(request.path_params["run"])
        run = await run_in_threadpool(spaces.run, name)
        record, action = _record(run, said)
        log, by = spaces.log(name), who(request, studio.user)
        seq = await studio.desk.ask(
            lambda p: track_logs.begin(p, log, run.made_from, [record], action, by, said.id)
        )
        return ok(models.Decided(seq=seq, frame=said.frame, action=action))

    return [Route("/api/runs3d/{run}/decisions", decide, methods=["POST"])]


def _record(run: Run3d, said: models.Decide) -> tuple[dict[str, Any], str]:
    """Return a decision as it is kept, and in words."""
    _require(run.rig, said.camera if said.do != "accept" else None)
    if said.do != "accept" and said.camera is None:
        raise fail(422, "input", f"{said.do} needs a camera", "name one of the run")
    sizes = (run.frames, len(run.individuals), len(run.skeleton.keypoints))
    place = (said.frame, said.animal, said.keypoint)
    if not all(0 <= at < size for at, size in zip(place, sizes, strict=True)):
        raise fail(422, "input", f"the run has no point {place}", "reload the page")
    record: dict[str, Any] = {
        "do": said.do,
        **dict(zip(("frame", "animal", "keypoint"), place, strict=True)),
    }
    if said.do != "accept":
        record["camera"] = said.camera
    if said.do == "move":
        if said.x is None or said.y is None or not np.isfinite([said.x, said.y]).all():
            raise fail(422, "input", "move needs x and y", "give the place in px")
        record |= {"x": said.x, "y": said.y}
    point = f"{run.skeleton.keypoints[said.keypoint]} in frame {said.frame}"
    words_ = {
        "leave": f"leave out {said.camera} of {point}",
        "bring": f"bring back {said.camera} of {point}",
        "move": f"move {point} in {said.camera}",
        "accept": f"accept {point}",
    }
    return record, f"3D: {words_[said.do]}"


async def _stretch(request: Request, spaces: Spaces) -> tuple[str, int, int]:
    name = str(request.path_params["run"])
    run = await run_in_threadpool(spaces.run, name)
    first = number(request, "from")
    stop = min(number(request, "to", first), run.frames - 1) + 1
    if first < 0 or not 0 < stop - first <= _MOST:
        raise fail(416, "range", f"1 to {_MOST} moments at once", "ask for others")
    return name, first, stop


async def _counted(studio: Studio, spaces: Spaces, name: str) -> list[Any]:
    with contextlib.suppress(InputError):
        log = await run_in_threadpool(spaces.log, name)
        kept = await studio.desk.ask(lambda p: _kept(p, log))
        return [] if kept is None else kept.records
    return []


def _kept(project: Any, log: Path) -> track_logs.Kept | None:
    found = [n for n, path in track_logs.listed(project) if path == log]
    return track_logs.kept(project, found[0]) if found else None


def _packed(made: Patched, first: int) -> bytes:
    """Return F moments of N animals, J keypoints, V views; all numbers little-endian.

    F, N, J, V, first (u32); then float32: xyz (F, N, J, 3), covariance (…, 6), accepted (F, N,
    J), and for every view (F, N, J, V): x, y, residual px, outlier, state.
    """
    m = made.moments
    parts = (
        m.xyz, m.covariance, made.accepted,
        m.xy[..., 0], m.xy[..., 1], m.residual, m.outlier, made.state,
    )  # fmt: skip
    head = struct.pack("<5I", *m.residual.shape, first)
    return b"".join([head, *(np.ascontiguousarray(p, "<f4").tobytes() for p in parts)])


def _solution(rig: Rig, said: models.ToTriangulate) -> models.Solution:
    names = list(rig)
    for point in said.points:
        _require(rig, point.camera)
    xy, weight = np.full((len(names), 2), np.nan), np.zeros(len(names))
    sure = np.zeros(len(names), bool)
    for point in said.points:
        v = names.index(point.camera)
        xy[v], weight[v], sure[v] = (point.x, point.y), point.weight, point.sure
    if np.isfinite(xy).all(-1).sum() < 2:
        raise fail(422, "input", "3D needs two views or more", "bring a view back")
    found = solve(rig.params(), xy, weight, sure, said.robust)
    there = bool(np.isfinite(found.xyz).all())
    rows, columns = np.triu_indices(3)
    wide = found.covariance[rows, columns]
    return models.Solution(
        xyz=_triple(found.xyz) if there else None,
        covariance=wide.tolist() if np.isfinite(wide).all() else None,
        used=[n for n, used in zip(names, found.used, strict=True) if used],
        image={
            n: (float(uv[0]), float(uv[1])) if np.isfinite(uv).all() else None
            for n, uv in zip(names, found.image, strict=True)
        },
        residual={
            n: float(far) if np.isfinite(far) else None
            for n, far in zip(names, found.residual, strict=True)
            if np.isfinite(xy[names.index(n)]).all()
        },
    )


def _camera(camera: Camera) -> models.CameraOf:
    row = np.nan_to_num(camera.params(), posinf=_INFINITE)
    turn = camera.turn if camera.kind != "affine" else _affine_axes(camera)
    return models.CameraOf(
        name=camera.name, kind=camera.kind, size=camera.size, row=row.tolist(),
        centre=None if camera.kind == "affine" else _triple(camera.centre),
        axes=[_triple(axis) for axis in turn], flip=camera.flip,
    )  # fmt: skip


def _affine_axes(camera: Camera) -> np.ndarray:
    right = camera.matrix[0] / np.linalg.norm(camera.matrix[0])
    return np.stack([right, np.cross(camera.forward, right), camera.forward])


def _rig_file(name: str, path: Path, folder: Path) -> models.RigFile:
    title, trouble, cameras, units = path.relative_to(folder).as_posix(), None, [], "unknown"
    try:
        rig = calibration.read(path)
        cameras, units = list(rig), rig.units
    except InputError as error:
        trouble = str(error)
    return models.RigFile(rig=name, title=title, cameras=cameras, units=units, trouble=trouble)


class _About(NamedTuple):
    """What the project says of its films."""

    videos: list[tuple[int, str]]  # and where they are
    clocks: dict[int, Timing]
    folder: Path


def _told(spaces: Spaces, name: str, about: _About, decisions: int) -> models.Space3d | None:
    try:
        run = spaces.run(name)
    except InputError:
        return None  # half written, or made by something else
    with run.lock:
        looks = run.looks()
    try:
        clocks = timing(next(iter(run.files.values()), None))
        trouble = run.trouble
    except InputError as error:
        clocks, trouble = {}, str(error)
    films = _films(run, about.videos)
    told = [_view(c, films.get(c), clocks.get(c, Timing()), about.clocks) for c in run.cameras]
    if not looks and trouble is None:
        trouble = "the 2D poses that this was made of are gone: points can be seen, not mended"
    skeleton = run.skeleton
    return models.Space3d(
        run=name, rig=name, title=run.path.relative_to(about.folder).as_posix(),
        individuals=list(run.individuals), keypoints=list(skeleton.keypoints),
        edges=[(int(a), int(b)) for a, b in skeleton.drawn], swap=list(skeleton.swap),
        frames=run.frames, fps=run.fps, units=run.rig.units, up=run.rig.up, views=told,
        decisions=decisions, trouble=trouble,
    )  # fmt: skip


def _view(
    camera: str, video: int | None, made: Timing, clocks: Mapping[int, Timing]
) -> models.ViewOf:
    """One camera: on the clock that people set, else on the one that the run was made with."""
    clock = made if video is None else clocks.get(video, made)
    return models.ViewOf(
        camera=camera, video=video, lag=clock.lag, drift=clock.drift,
        drops=list(clock.drops), skips=list(clock.skips),
        stale=not space_clock.same(clock, made),
    )  # fmt: skip


def _films(run: Run3d, videos: list[tuple[int, str]]) -> dict[str, int]:
    """Return which video of the project is which view: as 2D poses say, else by its name."""
    found: dict[str, int] = {}
    for camera, path in run.files.items():
        source = _source(path)
        same = [n for n, film in videos if source and Path(film).resolve() == Path(source)]
        named = [n for n, film in videos if source and Path(film).name == Path(source).name]
        if len(one := same or named) == 1:
            found[camera] = one[0]
    for n, film in videos:
        if n in found.values():
            continue
        with contextlib.suppress(InputError):  # which names none of the cameras, or several
            found.setdefault(views.camera_of(Path(film), run.rig), n)
    return found


def _source(path: Path) -> str:
    try:
        with open_file(path) as file:
            return str(file.attrs.get("source_file", ""))
    except (InputError, OSError):
        return ""


def _require(rig: Rig, camera: str | None) -> None:
    if camera is not None and camera not in list(rig):
        raise missing(f"camera {camera!r}; there are {', '.join(rig)}")


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
