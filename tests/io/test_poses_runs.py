import os
import time

from seen_files import detection_file, pose_file

from gambol.io import poses_runs


def aged(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def test_files_come_newest_first(tmp_path):
    made = [aged(pose_file(tmp_path / f"runs/r{k}/out/a.nc", n=5), 10 * k) for k in (2, 0, 1)]
    (tmp_path / "runs/r9").mkdir()
    (tmp_path / "runs/r9/a.nc").write_bytes(b"")  # not what a stage wrote
    assert [path for path, _ in poses_runs.files(tmp_path)] == [made[1], made[2], made[0]]


def test_a_video_is_known_by_its_path_or_by_a_name_that_no_other_has():
    assert poses_runs.is_of("/films/a.mp4", "/films/a.mp4", False)
    assert poses_runs.is_of("C:\\old\\a.mp4", "/films/a.mp4", True)
    assert not poses_runs.is_of("/old/a.mp4", "/films/a.mp4", False)
    assert not poses_runs.is_of("/films/b.mp4", "/films/a.mp4", True)


def test_the_newest_whole_predictions_of_every_video(tmp_path):
    runs = tmp_path / "runs"
    a = [aged(pose_file(runs / f"p{k}/out/a.nc", n=5), k) for k in range(3)]
    b = aged(pose_file(runs / "q/out/b.nc", n=5, video="/films/b.mp4"), 1)
    torn = runs / "t/out/a.nc"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b.read_bytes()[:900])
    refs = ["/films/a.mp4", "/films/b.mp4", "/films/c.mp4"]
    assert poses_runs.whole(tmp_path, refs, 2) == [a[:2], [b], []]
    newer = detection_file(runs / "d/out/a.detections.nc", n=5)
    assert poses_runs.whole(tmp_path, refs, 1) == [[newer], [b], []]
