"""What sharing out costs: two processes against one, ten thousand chunks, kills."""

import sys
import time
from typing import Any

from benchmarks import load, openfield
from benchmarks.load import Killer, films, fresh, predict, same
from benchmarks.record import budget, data, record
from gambol.app import pipeline_file, pipeline_run
from gambol.app.pipeline_jobs import Ended
from gambol.app.pipeline_record import Record
from gambol.app.pipeline_run import Wanted

CLIPS = budget(24, 1)  # times the film: half an hour
TURNS = (1, 2) * budget(2, 1)  # processes; what slows the machine for long meets both
CHUNKS, PLACES, CHUNK_S = budget(10_000, 200), 100, 2.0  # s of a shard of 256 frames
FILMS, KILLS = budget(1000, 20), budget(20, 2)


def run() -> None:
    """Measure all."""
    for part in PARTS.values():
        part()


def efficiency() -> None:
    """Predict the same films by one process on one core, and by two on two."""
    source = data("mouse_openfield")
    if source is None:
        return
    trained, video = openfield.network(), source / "videos" / "m3v1mp4.mp4"
    place = fresh("efficiency")
    clips = [place / f"clip{n}{video.suffix}" for n in range(CLIPS)]
    for clip in clips:
        clip.symlink_to(video)
    seconds, frames = {1: 0.0, 2: 0.0}, 0
    for turn, workers in enumerate(TURNS):
        start = time.monotonic()
        told = predict(trained, clips, place / f"{turn}", workers)
        seconds[workers] += time.monotonic() - start
        frames = sum(one["frames"] for one in told["videos"])
        same(place / "0", place / f"{turn}")
    one, two = (frames * TURNS.count(workers) / seconds[workers] for workers in (1, 2))
    record(
        "scale.efficiency_2",
        two / one / 2,
        "share",
        data=f"mouse_openfield/videos/m3v1mp4.mp4, {CLIPS} times: {frames} frames",
        goal="≥ 0.9",
        met=two / one / 2 >= 0.9,
        note=f"gambol predict on one core: {one:.0f} frames/s, --workers 2 on two: {two:.0f}; "
        "whole commands, with starting and joining, in turns "
        f"{TURNS}; the same poses bit for bit",
    )


def overhead() -> None:
    """Go through ten thousand chunks of simulated work on a hundred places of Dask."""
    from distributed import Client, LocalCluster

    place = fresh("overhead")
    names = "\n".join(f"  c{number:05d}: x" for number in range(CHUNKS))
    file = place / "chunks.yaml"
    file.write_text(f"recordings:\n{names}\nsteps:\n  work: info {{path}}\n")
    known = pipeline_file.read(file)
    wanted = Wanted(frozenset(["work"]), frozenset(one.name for one in known.recordings))
    with (
        LocalCluster(n_workers=1, threads_per_worker=PLACES, dashboard_address=None) as local,
        Client(local, set_as_default=False) as client,
    ):

        def work(words: Any, key: Any) -> Ended:
            client.submit(time.sleep, CHUNK_S, pure=False).result()
            return Ended({}, None, CHUNK_S)

        start = time.monotonic()
        found = pipeline_run.go(known, Record(place / "record"), wanted, work, PLACES * 3 // 2)
        wall = time.monotonic() - start
    if {one.state for one in found} != {"done"} or len(found) != CHUNKS:
        sys.exit("not every chunk was done once")
    ideal = CHUNKS * CHUNK_S / PLACES
    record(
        "scale.overhead_10k",
        wall / ideal - 1,
        "share",
        data=f"{CHUNKS} chunks of {CHUNK_S:g} s of simulated work",
        goal="< 0.02",
        met=wall / ideal < 1.02,
        note=f"{wall:.1f} s where {PLACES} places of Dask could do it in {ideal:.1f} s; every "
        "chunk is written down on the disk when it is done",
    )


def kills() -> None:
    """Predict a thousand films while processes are killed; nothing may be lost or differ."""
    if data("mouse_openfield") is None:
        return
    trained = openfield.network()
    place = fresh("kills")
    some = list(films(place / "films", FILMS))
    predict(trained, some, place / "calm", 2)
    killer = Killer(str(place / "killed"), KILLS)
    killer.start()
    starts, status = 0, 1
    while status:
        child = load.command(trained, some, place / "killed", 2)
        child.communicate()
        starts, status = starts + 1, child.returncode
    killer.stop()
    same(place / "calm", place / "killed")
    left = sorted(path.name for path in place.iterdir())
    if left != ["calm", "films", "killed"]:
        sys.exit(f"{left}: something is left over")
    record(
        "scale.kills_survived",
        killer.did,
        "processes",
        data=f"{FILMS} films of {load.FRAMES} frames, {load.SIZE[0]}×{load.SIZE[1]}",
        goal="report",
        note="gambol predict --workers 2, its own process and those that it started killed "
        f"at random, started {starts} times; every film done once, the same poses bit for bit "
        f"as without kills; a process took {killer.most_mb:.0f} MB at most",
    )


PARTS = {"scale-overhead": overhead, "scale-efficiency": efficiency, "scale-kills": kills}
