import cv2
import h5py
import numpy as np
import pytest
import sleap_io

from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io.video.embedded import EmbeddedVideo

PICTURES = np.random.default_rng(0).integers(0, 256, (4, 20, 30, 3), dtype=np.uint8)


def package(path, videos=1, order="RGB", fixed=False):
    """Write a SLEAP package by hand: encoded files in rows of bytes."""
    with h5py.File(path, "w") as file:
        file.create_group("metadata").attrs["format_id"] = 1.4 if order == "RGB" else 1.2
        for number in range(videos):
            stored = PICTURES[..., ::-1] if order == "RGB" else PICTURES  # OpenCV takes BGR
            rows = [cv2.imencode(".png", p)[1].ravel().view(np.int8) for p in stored]
            group = file.create_group(f"video{number}")
            if fixed:
                table = np.zeros((4, max(map(len, rows))), np.int8)
                for row, data in zip(table, rows, strict=True):
                    row[: len(data)] = data
                data = group.create_dataset("video", data=table)
            else:
                kind = h5py.special_dtype(vlen=np.int8)
                data = group.create_dataset("video", (4,), dtype=kind)
                for place, row in enumerate(rows):
                    data[place] = row
            data.attrs["format"] = "png"
            if order == "RGB":
                data.attrs["channel_order"] = "RGB"
            group["frame_numbers"] = [3, 14, 15, 92]
    return path


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_reads_sleap_packages(tmp_path, order, fixed):
    video = EmbeddedVideo(package(tmp_path / "a.pkg.slp", 1, order, fixed), "video0", fps=10)
    assert isinstance(video, Video)
    assert np.array_equal(video.read([3, 1]), PICTURES[[3, 1]])
    assert video.frame_numbers.tolist() == [3, 14, 15, 92]
    assert video.times.tolist() == [0.3, 1.4, 1.5, 9.2]
    video.close()


def test_agrees_with_sleap_io(tmp_path):
    path = package(tmp_path / "a.pkg.slp")
    theirs = sleap_io.load_video(str(path), dataset="video0/video")
    ours = EmbeddedVideo(path)
    assert np.array_equal(ours.read([1])[0], theirs[14])
    ours.close()
    theirs.close()


def test_reads_deepposekit_files(data):
    path = data / "fly_crops" / "example_annotation_set.h5"
    video = EmbeddedVideo(path, "images", grey=True)
    with h5py.File(path) as file:
        assert np.array_equal(video.read([70, 3]), file["images"][[3, 70]][::-1])
    assert (len(video), video.size) == (75, (192, 192))
    video.close()


def test_names_the_choices(tmp_path):
    path = package(tmp_path / "a.pkg.slp", videos=2)
    with pytest.raises(InputError, match=r"a\.pkg\.slp::video0, a\.pkg\.slp::video1"):
        EmbeddedVideo(path)
    with pytest.raises(InputError, match="has no images 'video7'"):
        EmbeddedVideo(path, "video7")


def test_refuses_files_without_images(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["numbers"] = [1, 2, 3]
    with pytest.raises(InputError, match="holds no images"):
        EmbeddedVideo(tmp_path / "a.h5")
    (tmp_path / "b.h5").write_bytes(b"noise")
    with pytest.raises(InputError, match="no HDF5 file"):
        EmbeddedVideo(tmp_path / "b.h5", "images")


def test_pictures_in_another_file_are_not_opened(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["images"] = PICTURES
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["images"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "images")
    layout = h5py.VirtualLayout(PICTURES.shape, np.uint8)
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "images", PICTURES.shape)
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("images", layout)
    for name in ("link.h5", "virtual.h5"):
        with pytest.raises(InputError, match="lies in another file"):
            EmbeddedVideo(tmp_path / name)


def test_sixteen_bits_are_given_as_they_are_stored(tmp_path):
    ramp = np.arange(2 * 32 * 48, dtype=np.uint16).reshape(2, 32, 48, 1) * 21
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = ramp
    video = EmbeddedVideo(tmp_path / "a.h5")
    np.testing.assert_array_equal(video.native(1), ramp[1])
    assert video.read([1]).max() == round(ramp[1].max() / 257)
    video.close()
