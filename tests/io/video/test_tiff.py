import numpy as np
import pytest
import tifffile

from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io.video.tiff import TiffVideo


def stack(dtype, *tail):
    top = np.iinfo(dtype).max
    shape = (6, 24, 32, *tail)
    return np.random.default_rng(0).integers(0, top, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize(
    "how",
    [{}, {"imagej": True}, {"compression": "zlib"}, {"bigtiff": True}, {"truncate": True}],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_reads_grey_stacks(tmp_path, dtype, how):
    pages = stack(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", **how)
    video = TiffVideo(tmp_path / "a.tif", grey=True)
    expected = pages if dtype == np.uint8 else np.round(pages / 257)
    assert isinstance(video, Video)
    assert (len(video), video.size) == (6, (32, 24))
    assert np.array_equal(video.read([5, 0, 2])[..., 0], expected[[5, 0, 2]])
    video.close()


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_reads_colour_stacks(tmp_path, planar):
    pages = stack(np.uint8, 3)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for page in pages:
            as_stored = page if planar == "contig" else np.moveaxis(page, -1, 0)
            writer.write(as_stored, photometric="rgb", planarconfig=planar)
    video = TiffVideo(tmp_path / "a.tif")
    assert np.array_equal(video.read(range(6)), pages)
    video.close()


def test_one_page_is_one_frame(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", stack(np.uint8)[0])
    video = TiffVideo(tmp_path / "a.tif", fps=5)
    assert (len(video), video.fps, video.read([0]).shape) == (1, 5, (1, 24, 32, 3))
    video.close()


def test_channels_beside_each_other_are_refused(tmp_path):
    planes = stack(np.uint8)[:4].reshape(2, 2, 24, 32)
    tifffile.imwrite(tmp_path / "a.tif", planes, imagej=True, metadata={"axes": "TCYX"})
    with pytest.raises(InputError, match=r"a\.tif has axes TCYX"):
        TiffVideo(tmp_path / "a.tif")


def test_a_block_cut_short_gives_its_first_frames(tmp_path):
    pages = stack(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pages, truncate=True)
    data = (tmp_path / "a.tif").read_bytes()
    start = data.find(pages[0].tobytes())
    (tmp_path / "a.tif").write_bytes(data[: start + 3 * 24 * 32 + 10])
    video = TiffVideo(tmp_path / "a.tif", grey=True)
    assert np.array_equal(video.read(range(len(video)))[..., 0], pages[:3])
    video.close()


def test_noise_is_refused(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II*\x00 and then nothing of use")
    with pytest.raises(InputError, match="cannot be read as video"):
        TiffVideo(tmp_path / "a.tif")


@pytest.mark.parametrize("how", [{}, {"byteorder": ">"}, {"truncate": True, "imagej": True}])
def test_sixteen_bits_are_given_as_they_are_stored(tmp_path, how):
    ramp = np.arange(3 * 32 * 48, dtype=np.uint16).reshape(3, 32, 48) * 14
    tifffile.imwrite(tmp_path / "a.tif", ramp, photometric="minisblack", **how)
    video = TiffVideo(tmp_path / "a.tif")
    for index in range(3):
        np.testing.assert_array_equal(video.native(index)[..., 0], ramp[index])
    assert video.native(0).dtype == np.uint16
    with pytest.raises(InputError, match="no frame 3"):
        video.native(3)
    video.close()
