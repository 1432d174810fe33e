import contextlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelled import FRAMES, MOUSE, canonical, film, make
from pycocotools.coco import COCO

from gambol.core.errors import InputError
from gambol.core.labels import EVERY, UNKNOWN, Labels, Origin, Region, Visibility
from gambol.core.regions import contain
from gambol.io import labels as io_labels
from gambol.io import store

EXACT = ["slp", "coco", "csv"]
CORNER = np.array([[0.0, 0], [20.5, 0], [0, 1 / 3]])


def crowded(videos, seed=0):
    """Labels of two animals with and without names, of empty frames and of part of frames."""
    labels = make(videos, seed, rows=30)
    rng = np.random.default_rng(seed)
    who = np.where(rng.random(30) < 0.5, UNKNOWN, labels.individual)
    free = [
        (v, f)
        for v in range(len(videos))
        for f in range(FRAMES)
        if [v, f] not in labels.pairs.tolist()
    ]
    rows = np.arange(30)[rng.random(30) < 0.3]
    return replace(
        labels,
        individual=who,
        negatives=np.array(free[:3], np.int64).reshape(-1, 2),
        incomplete=labels.pairs[rows],
    )


def told(labels):
    """All that labels say of animals and frames, by names; of those without, in any order."""
    rows = [
        (labels.videos[v], int(labels.frame[n]), labels.name(n), int(labels.origin[n]),
         labels.visibility[n].tolist(), np.nan_to_num(labels.xy[n]).round(9).tolist())
        for n, v in enumerate(labels.video.tolist())
    ]  # fmt: skip
    frames = [
        [(labels.videos[v], f) for v, f in pairs.tolist()]
        for pairs in (labels.negatives, labels.incomplete)
    ]
    return sorted(rows), *map(sorted, frames)


def positions_alone(labels):
    """What a format keeps that knows nothing but positions."""
    visibility = np.where(labels.labelled, Visibility.VISIBLE, Visibility.ABSENT)
    return canonical(
        Labels(
            **{
                **vars(labels),
                "visibility": visibility.astype(np.uint8),
                "origin": np.zeros(len(labels), np.uint8),
            }
        )
    )


@pytest.mark.parametrize("format", EXACT)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 999), rows=st.integers(1, 20), n_videos=st.integers(1, 3))
def test_every_state_and_origin_survives(tmp_path, format, seed, rows, n_videos):
    labels = make([f"/gone/{k}.mp4" for k in range(n_videos)], seed, rows)
    path = tmp_path / f"a{io_labels.SUFFIX[format]}"
    assert io_labels.write(labels, path, format, images=False) == [path]
    back = io_labels.read(path)
    assert canonical(back) == canonical(labels)
    assert set(back.videos) <= set(labels.videos)
    assert io_labels.detect(path) == format
    assert not set(io_labels.losses(labels, format)) - {"of the skeleton only names are kept"}


@pytest.mark.parametrize("format", EXACT)
@pytest.mark.parametrize("seed", range(3))
def test_animals_without_names_and_what_was_said_of_frames_survive(tmp_path, format, seed):
    labels = crowded(["/gone/a.mp4", "/gone/b.mp4"], seed)
    assert (
        len(labels.negatives) == 3 and len(labels.incomplete) and UNKNOWN in labels.individual
    )
    path = tmp_path / f"a{io_labels.SUFFIX[format]}"
    io_labels.write(labels, path, format, images=False)
    assert told(io_labels.read(path)) == told(labels)
    assert not set(io_labels.losses(labels, format)) - {"of the skeleton only names are kept"}


@pytest.mark.parametrize("format", ["dlc", "analysis"])
def test_formats_of_columns_leave_no_animal_without_a_name_out(tmp_path, format):
    labels = crowded([film(tmp_path / "clip.mp4")])
    path = tmp_path / f"x{io_labels.SUFFIX[format]}"
    io_labels.write(labels, path, format, images=False)
    back = io_labels.read(path)
    bare = replace(
        labels,
        negatives=labels.negatives[:0],
        incomplete=labels.incomplete[:0],
        origin=back.origin[:1].repeat(len(labels)),
        visibility=np.where(labels.labelled, Visibility.VISIBLE, 0).astype(np.uint8),
    )
    assert told(back) == told(bare)
    lost = " ".join(io_labels.losses(labels, format))
    assert "frames without animals are left out" in lost
    assert "labelled in part is not kept" in lost


def test_an_animal_may_be_called_what_nobody_is_called(tmp_path):
    labels = make(["/gone/a.mp4"], individuals=("unknown 1", "bob"))
    labels = replace(labels, individual=np.where(np.arange(12) % 3, labels.individual, UNKNOWN))
    (path,) = io_labels.write(labels, tmp_path / "t.h5", "analysis")
    back = io_labels.read(path)
    names = [labels.name(n) for n in range(12)]
    assert sorted(back.name(n) for n in range(12)) == sorted(names)


@pytest.mark.parametrize("format", ["slp", "coco"])
def test_the_skeleton_survives_in_formats_that_hold_one(tmp_path, format):
    labels = make(["/gone/a.mp4"])
    path = tmp_path / f"a{io_labels.SUFFIX[format]}"
    io_labels.write(labels, path, format, images=False)
    assert io_labels.read(path).skeleton == MOUSE


@pytest.mark.parametrize("people", [("ann", "bob"), ("ann",)])
def test_deeplabcut_keeps_positions_and_brings_images(tmp_path, people):
    videos = [film(tmp_path / "x" / "clip.mp4"), film(tmp_path / "y" / "clip.mp4", 3)]
    labels = make(videos, individuals=people)
    io_labels.write(labels, tmp_path / "dlc", "dlc")
    back = io_labels.read(tmp_path / "dlc")
    assert back.skeleton == MOUSE
    assert [v.rsplit("/", 1)[1] for v in back.videos] == ["clip", "clip-2"]
    # frames are now ranks of images, whose names hold the number
    numbers = {
        v: sorted(set(labels.frame[labels.video == v].tolist())) for v in range(len(videos))
    }
    frame = np.array([numbers[v][f] for v, f in zip(back.video, back.frame, strict=True)])
    name = people if len(people) > 1 else ("ann",)
    back = Labels(**{**vars(back), "frame": frame, "individuals": name})
    assert canonical(back) == positions_alone(labels)
    assert len(io_labels.losses(labels, "dlc")) == 3


def test_images_cut_for_deeplabcut_are_the_frames(tmp_path):
    import cv2

    labels = make([film(tmp_path / "clip.mp4")], rows=3)
    io_labels.write(labels, tmp_path / "dlc", "dlc")
    for f in labels.frame:
        image = cv2.imread(str(tmp_path / "dlc" / "labeled-data" / "clip" / f"img{f:04d}.png"))
        assert abs(float(image.mean()) - 6 * f) < 3


def test_without_its_images_deeplabcut_means_frames_of_the_video(tmp_path):
    labels = make([film(tmp_path / "clip.mp4")], individuals=("ann",))
    io_labels.write(labels, tmp_path / "dlc", "dlc", images=False)
    back = io_labels.read(tmp_path / "dlc")
    assert back.videos == (str(tmp_path / "clip.mp4"),)
    back = Labels(**{**vars(back), "individuals": ("ann",)})
    assert canonical(back) == positions_alone(labels)


def test_the_two_tables_of_deeplabcut_say_the_same_and_pandas_reads_them(tmp_path):
    import pandas as pd

    io_labels.write(make([film(tmp_path / "clip.mp4")]), tmp_path / "dlc", "dlc")
    stem = tmp_path / "dlc" / "labeled-data" / "clip" / "CollectedData_gambol"
    h5 = pd.read_hdf(stem.with_suffix(".h5"))
    csv = pd.read_csv(stem.with_suffix(".csv"), header=[0, 1, 2, 3], index_col=0)
    assert list(h5.columns) == list(csv.columns)
    assert list(h5.index) == list(csv.index)
    np.testing.assert_array_equal(h5.to_numpy(), csv.to_numpy())
    one = io_labels.read(stem.with_suffix(".h5"))
    assert canonical(one) == canonical(io_labels.read(stem.with_suffix(".csv")))


def test_analysis_files_keep_positions_as_a_models(tmp_path):
    labels = make(["/gone/a.mp4", "/gone/b.mp4"])
    paths = io_labels.write(labels, tmp_path / "t.h5", "analysis")
    assert [p.name for p in paths] == ["t.a.h5", "t.b.h5"]
    for v, path in enumerate(paths):
        back = io_labels.read(path)
        assert back.videos == (labels.videos[v],)
        assert (back.origin == Origin.MODEL).all()
        back = Labels(**{**vars(back), "origin": np.zeros(len(back), np.uint8)})
        assert canonical(back) == positions_alone(labels.select(labels.video == v))


def test_coco_with_images_refers_to_the_images(tmp_path):
    labels = make([film(tmp_path / "clip.mp4")])
    json_path, folder = io_labels.write(labels, tmp_path / "c.json", "coco")
    back = io_labels.read(json_path)
    assert back.videos == (str(folder / "clip"),)
    assert len(list((folder / "clip").iterdir())) == len(labels.frames)
    assert sorted(set(back.frame.tolist())) == list(range(len(labels.frames)))


def test_coco_says_two_one_and_zero(tmp_path):
    labels = make(["/gone/a.mp4"])
    io_labels.write(labels, tmp_path / "c.json", "coco", images=False)
    data = json.loads((tmp_path / "c.json").read_text())
    flags = sorted(v for a in data["annotations"] for v in a["keypoints"][2::3])
    kept = np.where(labels.labelled, labels.visibility, 0)
    assert flags == sorted(kept.ravel().tolist())
    assert data["categories"][0]["skeleton"][0] == [4, 1]  # counted from one: tail to nose


def test_nwb_holds_labels_or_says_what_to_install(tmp_path, monkeypatch):
    labels = make([film(tmp_path / "clip.mp4")], origins=(Origin.PERSON,))
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install gambol\[nwb\]"):
        io_labels.write(labels, tmp_path / "a.nwb", "nwb")
    assert not (tmp_path / "a.nwb").exists()


def test_nwb_keeps_positions(tmp_path):
    pytest.importorskip("pynwb", reason="the extra nwb is not installed")
    import h5py

    labels = make([film(tmp_path / "clip.mp4")], rows=4, origins=(Origin.PERSON,))
    labels = replace(labels, negatives=np.array([[0, 29]]))
    io_labels.write(labels, tmp_path / "a.nwb", "nwb")
    found = []
    with h5py.File(tmp_path / "a.nwb") as file:
        file.visititems(
            lambda name, item: (
                found.append(item[()]) if name.endswith("node_locations") else None
            )
        )
    want = labels.xy[np.isfinite(labels.xy).all(axis=-1)]
    have = np.concatenate([f[np.isfinite(f).all(axis=-1)] for f in found])
    assert sorted(map(tuple, have.round(6))) == sorted(map(tuple, want.round(6)))


def test_nwb_refuses_pictures_that_it_cannot_refer_to(tmp_path):
    pytest.importorskip("pynwb", reason="the extra nwb is not installed")
    import tifffile

    stack = tmp_path / "stack.tif"
    tifffile.imwrite(stack, np.zeros((FRAMES, 64, 64), np.uint8))
    labels = make([str(stack)], origins=(Origin.PERSON,))
    with pytest.raises(InputError, match=r"pictures inside .*stack\.tif; export --to dlc"):
        io_labels.write(labels, tmp_path / "a.nwb", "nwb")
    assert [p.name for p in tmp_path.iterdir()] == ["stack.tif"]


@pytest.mark.parametrize("format", ["dlc", "analysis"])
def test_exports_say_that_what_nobody_labelled_will_be_read_as_absent(tmp_path, format):
    labels = make([film(tmp_path / "clip.mp4")], origins=(Origin.PERSON,))
    unlabelled = labels.visibility.copy()
    unlabelled[~labels.labelled] = Visibility.UNLABELLED
    labels = replace(labels, visibility=unlabelled)
    assert (labels.visibility == Visibility.UNLABELLED).any()
    path = tmp_path / "out" if format == "dlc" else tmp_path / "out.h5"
    io_labels.write(labels, path, format)
    assert not (io_labels.read(path).visibility == Visibility.UNLABELLED).any()
    assert "unlabelled keypoints are empty, which is read as absent" in io_labels.losses(
        labels, format
    )


@pytest.mark.parametrize("format", ["slp", "dlc", "analysis", "nwb"])
@pytest.mark.parametrize("rows", [1, 60])
def test_hdf5_is_begun_only_where_there_is_room_for_it(tmp_path, monkeypatch, format, rows):
    if format == "nwb":
        pytest.importorskip("pynwb", reason="the extra nwb is not installed")
    asked = []
    monkeypatch.setattr(store, "_require_room", lambda path, size: asked.append(size))
    labels = make([film(tmp_path / "clip.mp4")], rows=rows, origins=(Origin.PERSON,))
    paths = io_labels.write(labels, tmp_path / f"a{io_labels.SUFFIX[format]}", format)
    files = [f for p in paths for f in (p.rglob("*.h5") if p.is_dir() else [p])]
    assert 0 < files[0].stat().st_size <= max(asked) <= 2**21 + 20_000 * rows


def test_no_labels_are_not_written(tmp_path):
    labels = make(["/gone/a.mp4"]).select(np.zeros(0, np.int64))
    for format in io_labels.SUFFIX:
        with pytest.raises(InputError, match="there are no labels to write"):
            io_labels.write(labels, tmp_path / "a", format)
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_format_is_answered_with_the_right_one(tmp_path):
    with pytest.raises(InputError, match="no format 'coca' to write; did you mean 'coco'"):
        io_labels.write(make(["a"]), tmp_path / "a", "coca")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"\x89HDF broken", "is damaged"),
        (b"hello", "is no label file known here; known are SLEAP"),
        (b"{}", "is no COCO keypoint file"),
        (b"{,", "is not JSON"),
    ],
)
def test_what_is_no_label_file_is_refused(tmp_path, content, sentence):
    path = tmp_path / "labels.slp"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=sentence) as error:
        io_labels.read(path)
    assert str(path) in str(error.value)


def test_an_hdf5_file_of_something_else_is_no_label_file(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["numbers"] = [1, 2]
    with pytest.raises(InputError, match="no label file known here"):
        io_labels.read(tmp_path / "a.h5")


def test_a_folder_without_a_project_says_what_it_lacks(tmp_path):
    with pytest.raises(InputError, match=r"neither project\.db nor config\.yaml"):
        io_labels.read(tmp_path)


def test_the_meaning_of_missing_can_be_given(tmp_path):
    labels = make([film(tmp_path / "clip.mp4")])
    io_labels.write(labels, tmp_path / "dlc", "dlc")
    unsaid = io_labels.read(tmp_path / "dlc", nan_means=Visibility.UNLABELLED)
    assert set(np.unique(unsaid.visibility)) == {Visibility.VISIBLE, Visibility.UNLABELLED}
    with pytest.raises(InputError, match="cannot be visible"):
        io_labels.read(tmp_path / "dlc", nan_means=Visibility.VISIBLE)


def test_loading_finds_videos_or_names_the_missing_one(tmp_path):
    path = film(tmp_path / "videos" / "clip.mp4")
    io_labels.write(make(["/elsewhere/clip.mp4"]), tmp_path / "a.slp", "slp")
    assert io_labels.load(tmp_path / "a.slp").videos == (str(path),)
    path.unlink()
    with pytest.raises(InputError, match=r"labels the video /elsewhere/clip\.mp4, which does"):
        io_labels.load(tmp_path / "a.slp")


def test_a_missing_video_that_nobody_labelled_is_left_out(tmp_path):
    path = film(tmp_path / "clip.mp4")
    labels = make(["/gone.mp4", path], rows=30)
    io_labels.write(labels.select(labels.video == 1), tmp_path / "a.slp", "slp")
    back = io_labels.load(tmp_path / "a.slp")
    assert back.videos == (str(path),)
    assert set(back.video.tolist()) == {0}


def test_videos_of_windows_are_found_beside_the_labels(tmp_path):
    path = film(tmp_path / "sub" / "clip.mp4")
    labels = make(["D:\\data\\sub\\clip.mp4"])
    io_labels.write(labels, tmp_path / "a.csv", "csv")
    assert io_labels.load(tmp_path / "a.csv").videos == (str(path),)


def hidden(labels, *more):
    """Labels with a region of a labelled frame, one of a whole video, and further ones."""
    v, f = labels.pairs[0].tolist()
    return replace(labels, regions=(Region(v, f, CORNER), Region(1, EVERY, CORNER * 2), *more))


def outlines(labels):
    return sorted((labels.videos[v], f, p.tolist()) for v, f, p in labels.regions)


@pytest.mark.parametrize("format", EXACT)
@pytest.mark.parametrize("seed", range(2))
def test_regions_survive_with_everything_else(tmp_path, format, seed):
    labels = hidden(crowded(["/gone/a.mp4", "/gone/b.mp4"], seed))
    path = tmp_path / f"a{io_labels.SUFFIX[format]}"
    io_labels.write(labels, path, format, images=False)
    back = io_labels.read(path)
    assert told(back) == told(labels)
    for ours, theirs in zip(outlines(back), outlines(labels), strict=True):
        assert ours[:2] == theirs[:2]
        np.testing.assert_allclose(ours[2], theirs[2], atol=1e-9)
    assert not set(io_labels.losses(labels, format)) - {"of the skeleton only names are kept"}


def test_a_region_that_no_image_shows_is_lost_in_coco_and_said(tmp_path):
    labels = crowded(["/gone/a.mp4", "/gone/b.mp4"])
    free = next(f for f in range(FRAMES) if [0, f] not in labels.frames.tolist())
    labels = hidden(labels, Region(0, free, CORNER))
    assert io_labels.losses(labels, "coco") == [
        "regions in frames that nobody labelled are left out"
    ]
    io_labels.write(labels, tmp_path / "a.json", "coco", images=False)
    assert len(io_labels.read(tmp_path / "a.json").regions) == 2


@pytest.mark.parametrize("format", ["dlc", "analysis", "nwb"])
def test_formats_without_regions_say_so(format):
    labels = hidden(make(["/gone/a.mp4", "/gone/b.mp4"]))
    assert "regions without loss and score are left out" in io_labels.losses(labels, format)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of the tool
def test_the_tool_of_coco_paints_our_regions_where_they_are(tmp_path):
    square = np.array([[9.5, 4.5], [30.5, 4.5], [30.5, 25.5], [9.5, 25.5]])  # whole pixels
    triangle = np.array([[40.2, 10.3], [60.1, 30.7], [38.4, 41.9]])
    labels = replace(
        make([film(tmp_path / "a.mp4")], rows=1),
        regions=(Region(0, EVERY, square), Region(0, EVERY, triangle)),
    )
    io_labels.write(labels, tmp_path / "a.json", "coco")
    with contextlib.redirect_stdout(io.StringIO()):
        tool = COCO(tmp_path / "a.json")
    tool.imgs[1] |= {"width": 64, "height": 64}
    crowds = tool.loadAnns(tool.getAnnIds(iscrowd=True))
    painted = [tool.annToMask(crowd) for crowd in crowds]
    y, x = np.mgrid[:64, :64]
    for mask, (_, _, polygon) in zip(painted, labels.regions, strict=True):
        ours = contain([polygon], np.stack([x, y], axis=-1).astype(float))
        np.testing.assert_allclose(
            np.argwhere(mask).mean(axis=0), np.argwhere(ours).mean(axis=0), atol=0.2
        )
        assert (mask != ours).sum() <= (0 if len(polygon) == 4 else 12)  # pixels on edges
