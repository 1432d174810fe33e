import clips
import cv2
import numpy as np

from gambol.core.progress import silent
from gambol.io.video import open_video
from gambol.stages import thumbnails


def test_pictures_are_those_of_the_frames_with_any_number_of_decoders(tmp_path, monkeypatch):
    refs = [str(clips.bframes(tmp_path)), str(clips.long_gop(tmp_path))]
    monkeypatch.setattr(thumbnails, "_PART", 10)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    video = np.repeat([0, 1], [80, 40])
    frame = np.r_[np.arange(80), np.arange(40) * 2]
    told = []
    made = thumbnails.make(video, frame, refs, told.append)
    assert made.shape == (120, 21, 32) and told[-1].done == told[-1].total == 120
    readers = [open_video(ref, grey=True) for ref in refs]
    for picture, v, f in zip(made, video, frame, strict=True):
        image = readers[v].read([int(f)])[0]
        truth = cv2.resize(image, (32, 21), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(picture, truth)


def test_no_frames_no_pictures():
    nothing = np.zeros(0, np.int64)
    assert len(thumbnails.make(nothing, nothing, [], silent)) == 0
