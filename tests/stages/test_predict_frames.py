import numpy as np
import pytest

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.io.poses_frames import FramePoses
from gambol.io.project import Project, Suggestion
from gambol.stages import imports, predict, predict_frames
from gambol.stages.predict_frames import PredictFramesConfig, Wanted


def test_chosen_frames_are_seen_as_the_whole_film_is(trained, recording, tmp_path):
    cfg = predict.PredictConfig(window="whole")
    whole = predict.run(cfg, trained, [recording.video], tmp_path / "whole", device="cpu")
    full = io_poses.read(whole[0].poses)
    chosen = (3, 17, 40)
    wanted = [Wanted("video1", str(recording.video), chosen)]
    steps = []
    seen = predict_frames.run(
        PredictFramesConfig(), trained, wanted, tmp_path / "some", device="cpu",
        progress=steps.append,
    )  # fmt: skip
    assert (seen.frames, seen.animals, len(steps)) == (3, 3, 3)
    with FramePoses(seen.paths[0]) as poses:
        assert poses.frames == 41 and not poses.whole
        assert [f for f in range(60) if poses.speaks_of(f)] == list(chosen)
        for frame in chosen:
            found = poses.at(frame)
            assert np.allclose(found.xy[0], core_poses.xy(full)[frame, 0], atol=0.1)
            sure = core_poses.points(full, "confidence")[frame, 0]
            assert np.allclose(found.confidence[0], sure, atol=0.02)
        assert poses.at(4).names == ()


def test_the_queue_is_what_is_suggested_and_not_done(recording, tmp_path):
    imports.run(imports.ImportConfig(), recording.labels, tmp_path / "p")
    with Project.open(tmp_path / "p") as project:
        project.set_suggestions([Suggestion(1, f, "", 1.0) for f in (9, 2)])
    (one,) = predict_frames.queued(tmp_path / "p")
    assert one.frames == (2, 9) and one.ref == str(recording.video.resolve())
    assert predict_frames.queued(tmp_path / "p", [(1, 4)])[0].frames == (4,)
    with pytest.raises(InputError, match="no video 7"):
        predict_frames.queued(tmp_path / "p", [(7, 0)])


def test_frames_behind_the_end_are_left_out(trained, recording, tmp_path):
    wanted = [Wanted("video1", str(recording.video), (10**6,))]
    seen = predict_frames.run(PredictFramesConfig(), trained, wanted, tmp_path, device="cpu")
    assert seen == predict_frames.Seen([], 0, 0)
