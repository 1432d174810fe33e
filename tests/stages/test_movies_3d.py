"""Films of 3D poses: their length, and the camera beside the skeleton."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io.video import VideoWriter, open_video
from gambol.stages import movies


def drawn(poses, out, videos=None, **settings):
    return movies.run(movies.MoviesConfig(**settings), [poses], out, views=videos)[0]


def test_a_film_has_the_frames_and_the_rate_of_the_poses(poses_3d, tmp_path):
    video = open_video(drawn(poses_3d.poses, tmp_path, start=0.5, stop=0.8))
    assert len(video) == 9 and video.fps == pytest.approx(30)
    frames = video.read([0, 8])
    assert frames.std() > 5 and (frames[0] != frames[1]).any()
    video.close()


def test_a_camera_stands_beside_the_skeleton_where_its_video_is_given(poses_3d, tmp_path):
    path = tmp_path / "cam_1.mp4"
    with VideoWriter(path, 30.0, (480, 384)) as writer:
        for _ in range(45):
            writer.write(np.full((384, 480, 3), 90, np.uint8))
    alone = open_video(drawn(poses_3d.poses, tmp_path / "a", stop=0.1))
    both = open_video(drawn(poses_3d.poses, tmp_path / "b", {"cam_1": path}, stop=0.1))
    assert both.size[0] > alone.size[0] + 300
    left = both.read([0])[0][:, :200]
    assert abs(float(np.median(left)) - 90) < 5
    alone.close()
    both.close()


def test_a_part_that_is_not_there_is_refused(poses_3d, tmp_path):
    with pytest.raises(InputError, match="has no frame from 9 s"):
        drawn(poses_3d.poses, tmp_path, start=9)
