"""Stages for tests of jobs: quick ones that count, fail, or do not listen.

Run as a program it does what `python -m gambol.app.job` does, with these stages known.
"""

import errno
import sys
import time

from gambol.app import job, job_stages
from gambol.app.job_stages import JobStage
from gambol.core.errors import InputError
from gambol.core.progress import Step, Stopped


def count(work):
    """Count, and go on where it was when it was killed."""
    kept = work.folder / "kept"
    done = int(kept.read_text()) if kept.exists() else 0
    for n in range(done + 1, work.asked.config.get("n", 3) + 1):
        time.sleep(work.asked.config.get("s", 0.02))
        work.step("count", n, loss=1 / n)
        if n % 3 == 0:
            kept.write_text(str(n))
        work.progress(Step("count", n, work.asked.config.get("n", 3), f"number {n}"))
    return {"counted": n}


def deaf(work):
    """Neither listen nor end when asked."""
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    work.say("deaf")
    time.sleep(600)


def fail(work):
    """End as asked."""
    how = work.asked.config["how"]
    work.say(f"about to fail: {how}")
    if how == "memory":
        raise MemoryError
    if how == "cuda":
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
    if how == "disk":
        raise OSError(errno.ENOSPC, "No space left on device", "/data/out.nc")
    if how == "video":
        raise InputError("the video /data/a.mp4 does not exist; put it there")
    if how == "stop":
        raise Stopped("stopped at step 9; the same command goes on from there")
    raise KeyError("a bug")


STAGES = {
    "count": JobStage("Count", "", "desk", count),
    "deaf": JobStage("Deaf", "", "desk", deaf),
    "fail": JobStage("Fail", "", "device", fail),
}

if __name__ == "__main__":
    job_stages.STAGES.update(STAGES)
    sys.exit(job.main([sys.argv[-1]]))
