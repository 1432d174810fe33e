"""The jobs of a server: queued, started one a device, watched, found again after a restart."""

import contextlib
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gambol.app import job_files, job_stages, processes
from gambol.app.job_files import ENDED, SILENT_S, Asked, Place, Status, Trouble
from gambol.app.web import job_schemas, job_trash
from gambol.app.web.answers import fail, missing
from gambol.app.web.hub import Hub
from gambol.app.web.models import Job, JobStart, Message, Problem, State
from gambol.core.errors import InputError

TICK_S = 0.25  # between two looks at what runs; so many times a second pages hear of it at most
GRACE_S = 10.0  # between asking, TERM and KILL
# what is put before the command of a job: "srun --gres=gpu:1"; of the environment alone, as a
# project that others made must not say what this computer runs
COMMAND = "GAMBOL_JOB_COMMAND"
_START_S = 2.0  # a process that is gone may just have written its last words

DIED = "the process of the job ended without a word"
RESUME = "resume it: it goes on from what it kept"


class Jobs:
    """Jobs of one project. Methods may be called from any thread; none waits for a job."""

    def __init__(self, folder: Path, hub: Hub, *, looks: bool = False) -> None:
        """Begin with no jobs.

        Args:
            folder: of the project.
            hub: hears of every change.
            looks: start and end nothing, as another server does.
        """
        self.folder, self.runs = folder, folder / "runs"
        # called once a job is over, before pages hear of it
        self.ended: Callable[[Job], None] = lambda job: None
        self._hub, self._looks = hub, looks
        self._lock = threading.RLock()
        self._asked: dict[str, Asked] = {}
        self._seen: dict[str, Job] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._over, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._awake_since = self._ticked = time.monotonic()

    def start(self) -> None:
        """Find what runs, and watch from now on."""
        with self._lock:
            for path in self.runs.glob("*/job.json"):
                with contextlib.suppress(InputError):  # damaged: no job any more
                    asked, name = job_files.asked(path.parent), path.parent.name
                    here = {"id": name, "project": str(self.folder)}  # it may have moved
                    self._asked[name] = asked.model_copy(update=here)
        self._thread = threading.Thread(target=self._watch, name="jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching; what runs runs on."""
        self._over.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        for child in self._children.values():
            child.returncode = 0 if child.poll() is None else child.returncode  # no warning

    def all(self) -> list[Job]:
        """Return all jobs, the newest first."""
        with self._lock:
            order = sorted(self._asked.values(), key=lambda asked: -asked.number)
            return [self._tell(asked) for asked in order]

    def get(self, name: str) -> Job:
        """Return a job."""
        with self._lock:
            return self._tell(self._known(name))

    def path(self, name: str) -> Path:
        """Return the folder of a job that there is."""
        with self._lock:
            return self.runs / self._known(name).id

    def submit(self, said: JobStart, by: str) -> Job:
        """Queue a job; the same click twice is one job.

        Raises:
            InputError: there is no such stage, or it has no such settings.
        """
        stage = job_stages.stage(said.stage)
        config = job_stages.spoken(said.stage, said.config)
        job_schemas.check(said.stage, config)
        with self._lock:
            for asked in self._asked.values():
                if asked.key == said.key and asked.stage == said.stage:
                    old = self._view(asked)
                    if old.state not in ("failed", "cancelled", "lost"):
                        return old
            folder = self._new_folder(said.stage)
            asked = Asked(
                id=folder.name,
                key=said.key,
                stage=said.stage,
                title=stage.title,
                project=str(self.folder),
                config=config,
                inputs=said.inputs,
                by=by,
                created=job_files.now(),
                number=time.time(),
                lane=_lane(stage.lane, said.inputs),
                device=str(said.inputs.get("device") or "auto"),
            )
            job_files.ask(folder, asked)
            self._asked[asked.id] = asked
            self._wake.set()
            return self._tell(asked)

    def stop(self, name: str) -> Job:
        """Ask a job to finish its step and keep the best."""
        return self._flag(name, "stop")

    def cancel(self, name: str) -> Job:
        """Give a job up."""
        return self._flag(name, "cancel")

    def resume(self, name: str, fix: str = "") -> Job:
        """Queue an ended job again; it goes on where it was, with half the memory, say."""
        with self._lock:
            asked = self._known(name)
            state = self._view(asked).state
            if state not in ENDED or state == "done":
                raise fail(409, "state", f"{name} is {state}", "start a new job")
            self._end_processes(asked)
            changes: dict[str, Any] = {"cpu": {"device": "cpu"}}.get(fix, {})
            if fix == "memory":
                changes = {"at_once": job_stages.smaller(asked.stage, asked.at_once) or 1}
            self._asked[asked.id] = asked = job_files.again(self.runs / name, **changes)
            self._wake.set()
            return self._tell(asked)

    def discard(self, name: str) -> None:
        """Delete an ended job with all that it wrote; for 30 days it lies in the trash.

        Raises:
            Fail: 409 where it, or a job that reads what it wrote, goes on.
        """
        with self._lock:
            asked = self._known(name)
            going = [
                one.id for one in self._asked.values()
                if (one.id == name or one.inputs.get("run") == name)
                and self._view(one).state not in ENDED
            ]  # fmt: skip
            if going:
                raise fail(409, "state", f"{going[0]} goes on", "cancel it first")
            self._end_processes(asked)
            job_trash.discard(self.runs / name)
            self._asked.pop(name)
            self._seen.pop(name, None)
            self._hub.send(Message(type="job", id=name))

    def tick(self) -> None:
        """Look at everything once: tell changes, end what must, start what may."""
        now = time.monotonic()
        if now - self._ticked > 5 * TICK_S + 2.0:  # the computer slept; so did the jobs
            self._awake_since = now
        self._ticked = now
        with self._lock:
            busy = set()
            for asked in sorted(self._asked.values(), key=lambda one: one.number):
                job = self._seen.get(asked.id)
                if job is not None and job.state in ("done", "failed", "cancelled"):
                    continue
                job = self._tell(asked)
                if job.state in ("running", "stopping"):
                    busy.add(asked.lane)
                    if not self._looks:
                        self._press(asked)
                elif job.state == "queued" and asked.lane not in busy and not self._looks:
                    busy.add(asked.lane)
                    self._launch(asked)

    def _watch(self) -> None:
        if not self._looks:
            job_trash.purge(self.runs)
        while not self._over.is_set():
            with contextlib.suppress(OSError):  # the disk is away for a while
                self.tick()
            self._wake.wait(TICK_S)
            self._wake.clear()

    def _known(self, name: str) -> Asked:
        if name not in self._asked:
            raise missing(f"job {name!r}")
        return self._asked[name]

    def _new_folder(self, stage: str) -> Path:
        """Make the next free folder; a number is given again a month after it was deleted."""
        self.runs.mkdir(parents=True, exist_ok=True)
        number = max(job_trash.numbers(self.runs, stage), default=0) + 1
        while True:
            folder = self.runs / f"{stage}-{number}"
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
            number += 1

    def _flag(self, name: str, what: Any) -> Job:
        with self._lock:
            asked = self._known(name)
            job = self._view(asked)
            if job.state in ENDED:
                raise fail(409, "state", f"{name} is {job.state} already", "reload the page")
            folder = self.runs / name
            if job.state == "queued":
                job_files.quickly(
                    Status(state="cancelled", ended=job_files.now()), folder / "status.json"
                )
            else:
                sensible = asked.stage == "train" or what == "cancel"
                job_files.flag(folder, "stop" if sensible and what == "stop" else "cancel")
            return self._tell(asked)

    def _launch(self, asked: Asked) -> None:
        """Start the process of a job."""
        folder = self.runs / asked.id
        words = os.environ.get(COMMAND, "")
        try:
            before = shlex.split(words)
        except ValueError as error:
            why = f"{COMMAND} is {words!r}: {str(error).lower()}"
            self._fail(asked, Trouble(code="launch", message=why, hint="mend its quotes"))
            return
        command = [*before, sys.executable, "-m", "gambol.app.job", str(folder)]
        try:
            job_files.beat(folder)
            child = processes.start(command, self.folder, folder / "log.txt")
            self._children[asked.id] = child
            at = Place(pid=child.pid, born=processes.born(child.pid), host=socket.gethostname())
            job_files.quickly(at, folder / "process.json")
        except OSError as error:
            why = f"{command[0]}: {(error.strerror or str(error)).lower()}"
            hint = f"look at {COMMAND}, the launch command" if before else "install it again"
            self._fail(asked, Trouble(code="launch", message=why, hint=hint))
        self._tell(asked)

    def _fail(self, asked: Asked, trouble: Trouble) -> None:
        status = Status(state="failed", ended=job_files.now(), trouble=trouble)
        with contextlib.suppress(OSError):
            job_files.quickly(status, self.runs / asked.id / "status.json")

    def _press(self, asked: Asked) -> None:
        """End a job that was given up and goes on: TERM, then KILL."""
        try:
            since = time.time() - (self.runs / asked.id / "cancel").stat().st_mtime
        except OSError:
            return
        place = self._alive(asked)
        if place is not None and since > GRACE_S:
            (processes.kill if since > 2 * GRACE_S else processes.ask_to_end)(place.pid)

    def _end_processes(self, asked: Asked) -> None:
        """End what may still be there of a lost job, before it is done a second time."""
        if (place := self._alive(asked)) is not None:
            processes.kill(place.pid)
        if child := self._children.pop(asked.id, None):
            child.wait(GRACE_S)

    def _alive(self, asked: Asked) -> Place | None:
        """Return where a job runs, if its process is there: number and beginning agree."""
        if child := self._children.get(asked.id):
            child.poll()  # the system keeps a child that ended until it was asked for
        place = job_files.place(self.runs / asked.id)
        if place is None or place.host != socket.gethostname():
            return None
        return place if place.born and processes.born(place.pid) == place.born else None

    def _tell(self, asked: Asked) -> Job:
        """Look at a job, and say so if there is news."""
        job = self._view(asked)
        old = self._seen.get(asked.id)
        if old != job:
            self._seen[asked.id] = job
            if job.state in ENDED and old is not None and old.state not in ENDED:
                self.ended(job)
            self._hub.send(Message(type="job", job=job))
        return job

    def _view(self, asked: Asked) -> Job:
        folder = self.runs / asked.id
        status = job_files.status(folder)
        state, trouble = self._state(asked, folder, status)
        said = status or Status()
        return Job(
            id=asked.id,
            stage=asked.stage,
            title=asked.title,
            state=state,
            by=asked.by,
            created=asked.created,
            started=said.started,
            ended=said.ended,
            done=said.done,
            total=said.total,
            item=said.item,
            seconds_left=said.seconds_left,
            result=said.result,
            problem=Problem(**trouble.model_dump()) if trouble else None,
            config=asked.config,
            inputs=asked.inputs,
        )

    def _state(
        self, asked: Asked, folder: Path, status: Status | None
    ) -> tuple[State, Trouble | None]:
        if status is not None and status.state in ENDED:
            return status.state, status.trouble
        place = job_files.place(folder)
        if place is None:
            return "queued", None
        silent = job_files.silent_s(folder)
        rested = time.monotonic() - self._awake_since < 2 * GRACE_S
        quiet = silent is None or (silent > SILENT_S and not rested)
        gone = place.host == socket.gethostname() and self._alive(asked) is None
        if gone and (silent is None or silent > _START_S):
            late = job_files.status(folder)  # its last words, written since the first look
            if late is not None and late.state in ENDED:
                return late.state, late.trouble
            if job_files.flagged(folder, "cancel"):
                return "cancelled", None  # it did not listen, and was killed
            return "lost", Trouble(code="lost", message=DIED + self._code(asked), hint=RESUME)
        if quiet:
            why = f"no sign of life for {SILENT_S:.0f} s"
            return "lost", Trouble(code="lost", message=why, hint=RESUME)
        asks = (job_files.flagged(folder, "stop"), job_files.flagged(folder, "cancel"))
        return ("stopping" if any(asks) else "running"), None

    def _code(self, asked: Asked) -> str:
        child = self._children.get(asked.id)
        code = child.returncode if child else None
        if code == -9:
            return " (killed, perhaps for want of memory)"
        return f" (code {code})" if code else ""


def _lane(kind: str, inputs: dict[str, Any]) -> str:
    """Return what a job waits for: a device that is named has a queue of its own."""
    if kind != "device":
        return kind
    device = str(inputs.get("device") or "auto")
    return device if ":" in device and not device.endswith(":0") else "device"
