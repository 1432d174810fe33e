"""Files of other tools, written here by hand, with everything that can be wrong in them."""

import json
import pickle

import h5py
import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.labels import UNKNOWN, Origin, Visibility
from gambol.io import labels as io_labels

DLC = "scorer,me,me,me,me\nbodyparts,nose,nose,tail,tail\ncoords,x,y,x,y\n"
PNG = b"\x89PNG\r\n\x1a\n"  # only the name of an image matters for its rank


def dlc_project(root, table, images=("img01.png", "img02.png", "img10.png"), config=""):
    folder = root / "labeled-data" / "clip"
    folder.mkdir(parents=True)
    for name in images:
        (folder / name).write_bytes(PNG)
    (root / "config.yaml").write_text(
        config or "Task: t\nscorer: me\nbodyparts: [nose, tail]\nproject_path: /not/here\n"
    )
    (folder / "CollectedData_me.csv").write_text(table)
    return root


def test_the_rank_of_an_image_is_its_frame(tmp_path):
    table = DLC + "labeled-data/clip/img10.png,1,2,3,4\nlabeled-data/clip/img02.png,5,6,,\n"
    labels = io_labels.read(dlc_project(tmp_path, table))
    assert labels.videos == (str(tmp_path / "labeled-data" / "clip"),)
    assert labels.frame.tolist() == [2, 1]
    assert labels.xy[0].tolist() == [[1, 2], [3, 4]]
    assert labels.visibility.tolist() == [[2, 2], [2, 0]]


@pytest.mark.parametrize(
    "row", ["labeled-data,clip,img02.png,1,2,3,4", "labeled-data\\clip\\img02.png,1,2,3,4"]
)
def test_paths_in_three_columns_or_with_backslashes_are_the_same(tmp_path, row):
    wide = row.count(",") > 4
    head = (
        DLC.replace(",me,me,me,me", ",,,me,me,me,me").replace("parts,", "parts,,,")
        if wide
        else DLC
    )
    head = head.replace("coords,", "coords,,,") if wide else head
    labels = io_labels.read(dlc_project(tmp_path, head + row + "\n"))
    assert (labels.frame.tolist(), labels.xy[0, 0].tolist()) == ([1], [1.0, 2.0])


def test_several_animals_and_unique_parts(tmp_path):
    head = (
        "scorer" + ",me" * 6 + "\nindividuals,a,a,b,b,single,single\n"
        "bodyparts,nose,nose,nose,nose,door,door\ncoords" + ",x,y" * 3 + "\n"
    )
    config = (
        "Task: t\nscorer: me\nmultianimalproject: true\nbodyparts: MULTI!\n"
        "multianimalbodyparts: [nose]\nuniquebodyparts: [door]\nindividuals: [a, b]\n"
    )
    row = "labeled-data/clip/img01.png,1,2,,,3,4\n"
    labels = io_labels.read(dlc_project(tmp_path, head + row, config=config))
    assert labels.individuals == ("a", "b", "single")
    assert labels.individual.tolist() == [0, 2]  # b is not in the picture
    assert labels.visibility.tolist() == [[2, 255], [255, 2]]  # nobody asked for the other


@pytest.mark.parametrize(
    ("identity", "who"), [("true", [0, 1, 2]), ("false", [UNKNOWN, UNKNOWN, 0])]
)
def test_individuals_that_are_only_places_in_a_table_name_nobody(tmp_path, identity, who):
    head = (
        "scorer" + ",me" * 6 + "\nindividuals,a,a,b,b,single,single\n"
        "bodyparts,nose,nose,nose,nose,door,door\ncoords" + ",x,y" * 3 + "\n"
    )
    config = (
        f"Task: t\nscorer: me\nmultianimalproject: true\nidentity: {identity}\n"
        "bodyparts: MULTI!\nmultianimalbodyparts: [nose]\nuniquebodyparts: [door]\n"
    )
    row = "labeled-data/clip/img01.png,1,2,3,4,5,6\n"
    labels = io_labels.read(dlc_project(tmp_path, head + row, config=config))
    assert labels.individual.tolist() == who
    assert labels.xy[:, :, 0].tolist()[1][0] == 3.0


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (DLC, "holds no labels|no label"),
        (DLC + "labeled-data/clip/img99.png,1,2,3,4\n", r"names the image .*img99\.png, which"),
        (DLC + "labeled-data/clip/img01.png,1,2,3\n", "has 3 values for 4 columns"),
        (DLC + "labeled-data/clip/img01.png,1,2,3,oops\n", "holds 'oops', which is no number"),
        (DLC + "labeled-data/clip/img01.png,1,2,3,4\n" * 2, "is labelled twice"),
        (DLC.replace("tail", "nose"), "keypoint 'nose' occurs twice"),
        (
            DLC.replace("tail", "ear") + "labeled-data/clip/img01.png,1,2,3,4\n",
            "labels 'ear', which config.yaml does not know",
        ),
        ("a,b\n1,2\n", "is no DeepLabCut table"),
    ],
)
def test_what_is_wrong_in_a_table_is_named(tmp_path, table, sentence):
    with pytest.raises(InputError, match=sentence):
        io_labels.load(dlc_project(tmp_path, table))


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("bodyparts: [a, a]\n", "'a' occurs twice"),
        ("bodyparts: []\n", "at least one keypoint"),
        ("scorer: me\n", "names no bodyparts"),
        ("bodyparts: [a\n", "is not YAML"),
    ],
)
def test_what_is_wrong_in_a_config_is_named(tmp_path, config, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        io_labels.load(dlc_project(tmp_path, DLC, config=config))
    assert "config.yaml" in str(error.value)


def test_a_table_that_would_run_code_is_refused_and_does_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    with h5py.File(tmp_path / "CollectedData_me.h5", "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = "frame_table"
        rows = np.zeros(1, [("index", "i8"), ("values_block_0", "f8", (2,))])
        table = group.create_dataset("table", data=rows)
        table.attrs["values_block_0_kind"] = np.void(pickle.dumps(Evil()))
    with pytest.raises(InputError, match="can be read safely"):
        io_labels.read(tmp_path / "CollectedData_me.h5")
    assert not (tmp_path / "ran").exists()


def test_lightning_pose_masks_what_is_missing(tmp_path):
    (tmp_path / "labeled-data").mkdir()
    (tmp_path / "labeled-data" / "a1.png").write_bytes(PNG)
    (tmp_path / "CollectedData.csv").write_text(DLC + "labeled-data/a1.png,1,2,,\n")
    labels = io_labels.read(tmp_path / "CollectedData.csv")
    assert io_labels.detect(tmp_path / "CollectedData.csv") == "lightning"
    assert labels.visibility.tolist() == [[2, 255]]


def coco(path, **change):
    data = {
        "images": [{"id": 7, "file_name": "im/1.png"}],
        "categories": [{"id": 3, "name": "fly", "keypoints": ["a", "b"], "skeleton": [[1, 2]]}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "keypoints": [1, 2, 2, 0, 0, 0]},
            {"id": 2, "image_id": 7, "category_id": 3, "keypoints": [3, 4, 1, 5, 6, 2]},
        ],
    }
    path.write_text(json.dumps(data | change))
    return path


def test_coco_of_others(tmp_path):
    (tmp_path / "im").mkdir()
    (tmp_path / "im" / "1.png").write_bytes(PNG)
    labels = io_labels.read(coco(tmp_path / "c.json"))
    assert labels.individual.tolist() == [UNKNOWN] * 2  # their order says nothing
    assert labels.visibility.tolist() == [[2, 255], [1, 2]]
    assert labels.skeleton.parent == (-1, 0)
    assert (labels.origin == Origin.PERSON).all()


def test_a_crowd_is_no_animal_and_its_image_is_labelled_in_part(tmp_path):
    (tmp_path / "im").mkdir()
    for k in range(1, 5):
        (tmp_path / "im" / f"{k}.png").write_bytes(PNG)
    one = {"category_id": 3, "keypoints": [1, 2, 2, 3, 4, 2]}
    change = {
        "images": [
            {"id": 1, "file_name": "im/1.png"},
            {"id": 2, "file_name": "im/2.png"},
            {"id": 3, "file_name": "im/3.png"},
            {"id": 4, "file_name": "im/4.png", "complete": True},
        ],
        "annotations": [
            one | {"id": 1, "image_id": 1, "track_id": 5},
            one | {"id": 2, "image_id": 1, "track_id": 6, "iscrowd": 0},
            {"id": 3, "image_id": 1, "category_id": 3, "iscrowd": 1, "segmentation": {}},
            one | {"id": 4, "image_id": 2, "track_id": 6},
        ],
    }
    labels = io_labels.read(coco(tmp_path / "c.json", **change))
    assert [labels.name(n) for n in range(3)] == ["track 5", "track 6", "track 6"]
    assert labels.incomplete.tolist() == [[0, 0]]
    # nobody may have looked at the third image; of the fourth it is said
    assert labels.negatives.tolist() == [[0, 3]]


def test_the_polygons_of_a_crowd_are_regions_of_its_image(tmp_path):
    (tmp_path / "im").mkdir()
    for k in (1, 2):
        (tmp_path / "im" / f"{k}.png").write_bytes(PNG)
    crowd = {"category_id": 3, "iscrowd": 1, "image_id": 2}
    change = {
        "images": [
            {"id": 1, "file_name": "im/1.png"},
            {"id": 2, "file_name": "im/2.png", "complete": True},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 3, "keypoints": [1, 2, 2, 3, 4, 2]},
            crowd | {"id": 2, "segmentation": [[1, 1, 5, 1, 5, 4], [0, 0, 9, 0, 9, 9, 0, 9]]},
        ],
    }
    labels = io_labels.read(coco(tmp_path / "c.json", **change))
    assert [(r.video, r.frame) for r in labels.regions] == [(0, 1), (0, 1)]
    # masks count from the corner of the first pixel
    assert [0.5, 0.5] in labels.regions[1].polygon.tolist()
    assert len(labels.regions[0].polygon) == 4 and len(labels.regions[1].polygon) == 3
    assert not len(labels.incomplete) and labels.negatives.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {
                "annotations": [
                    {"id": 1, "image_id": 9, "category_id": 3, "keypoints": [1, 2, 2]}
                ]
            },
            "names image 9, which is not listed",
        ),
        (
            {
                "annotations": [
                    {"id": 5, "image_id": 7, "category_id": 3, "keypoints": [1, 2, 2]}
                ]
            },
            "annotation 5 has 3 values for 2 keypoints",
        ),
        ({"categories": [{"id": 3, "name": "fly"}]}, "no category has keypoints"),
        ({"categories": [{"id": 3, "keypoints": ["a", "a"]}]}, "'a' occurs twice"),
        (
            {"categories": [{"id": 3, "keypoints": ["a", "b"], "skeleton": [[0, 1]]}]},
            "do not ex",
        ),
        ({"annotations": []}, "holds no labels"),
        ({}, r"names the image .*1\.png, which does not exist; copy it there"),
    ],
)
def test_what_is_wrong_in_coco_is_named(tmp_path, change, sentence):
    with pytest.raises(InputError, match=sentence):
        io_labels.load(coco(tmp_path / "c.json", **change))


def dpk(path, swap=(-1, 2, 1), names="name\nnose\neyeL\neyeR\n", xy=None, annotated=None):
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros((2, 8, 8, 1), np.uint8)
        file["annotations"] = np.arange(12.0).reshape(2, 3, 2) if xy is None else xy
        file["skeleton"] = np.array([[-1, 0, 0], swap], np.int32).T
        if annotated is not None:
            file["annotated"] = np.array(annotated)
    path.with_name("skeleton.csv").write_text(names)
    return path


def test_deepposekit_is_its_own_video(tmp_path):
    xy = np.arange(12.0).reshape(2, 3, 2)
    xy[1, 2] = np.nan
    labels = io_labels.load(dpk(tmp_path / "set.h5", xy=xy))
    assert labels.videos == (f"{tmp_path / 'set.h5'}::images",)
    assert labels.skeleton.keypoints == ("nose", "eyeL", "eyeR")
    assert labels.visibility[1].tolist() == [2, 2, 0]
    assert labels.xy[0, 1].tolist() == [2.0, 3.0]


def test_rows_nobody_annotated_are_a_models_if_others_are_annotated(tmp_path):
    done = [[True] * 3, [True, False, True]]
    labels = io_labels.read(dpk(tmp_path / "set.h5", annotated=done))
    assert labels.origin.tolist() == [Origin.PERSON, Origin.MODEL]
    labels = io_labels.read(dpk(tmp_path / "set.h5", annotated=[[False] * 3] * 2))
    assert labels.origin.tolist() == [Origin.PERSON] * 2


def test_a_broken_swap_is_refused_and_repaired_on_request(tmp_path):
    path = dpk(tmp_path / "set.h5", swap=(-1, 2, 0))
    with pytest.raises(InputError, match=r"set\.h5: swap of .*eyeL-eyeR; take them with --rep"):
        io_labels.read(path)
    assert io_labels.read(path, repair_swap=True).skeleton.swap == (-1, 2, 1)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("name\na\nb\n", "names 2 keypoints, set.h5 has 3"),
        ("name\na\na\nb\n", "'a' occurs twice"),
        ("name\na\n,\nb\n", "empty name"),
    ],
)
def test_what_is_wrong_in_deepposekit_names(tmp_path, names, sentence):
    with pytest.raises(InputError, match=sentence):
        io_labels.read(dpk(tmp_path / "set.h5", names=names))


def analysis(path, tracks, names=(b"a", b"b")):
    with h5py.File(path, "w") as file:
        file["tracks"] = tracks
        file["node_names"] = np.array(names)
    return path


def test_analysis_files_without_names_of_tracks(tmp_path):
    tracks = np.full((2, 2, 2, 3), np.nan)
    tracks[1, :, 0, 2] = 4, 5
    labels = io_labels.read(analysis(tmp_path / "t.h5", tracks))
    assert labels.individuals == ("animal", "animal 2")
    assert (labels.frame.tolist(), labels.individual.tolist()) == ([2], [1])
    assert labels.visibility.tolist() == [[Visibility.VISIBLE, Visibility.ABSENT]]


def test_what_is_wrong_in_analysis_files(tmp_path):
    with pytest.raises(InputError, match="for 2 keypoints"):
        io_labels.read(analysis(tmp_path / "t.h5", np.zeros((1, 2, 3, 4))))
    with pytest.raises(InputError, match="'a' occurs twice"):
        io_labels.read(analysis(tmp_path / "t.h5", np.zeros((1, 2, 2, 4)), (b"a", b"a")))
    with pytest.raises(InputError, match="holds no labels"):
        io_labels.load(analysis(tmp_path / "t.h5", np.full((1, 2, 2, 4), np.nan)))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("v.mp4,0,a,nose,1,2,seen,person", "line 2 holds 'SEEN'"),
        ("v.mp4,0,a,nose,x,2,visible,person", "line 2 holds could not convert"),
        ("v.mp4,-1,a,nose,1,2,visible,person", "line 2 lacks a value or a frame number"),
        ("v.mp4,0,a,nose,1,nan,visible,person", "is visible at x='1', y='nan'"),
        ("v.mp4,0,a,nose,1,2,absent,person", "only visible and occluded points have"),
        ("v.mp4,0", "line 2 lacks a value"),
        ("", "holds no labels, only a header"),
        ("v.mp4,0,a,,,,visible,person", "line 2 has no keypoint and says 'visible'"),
    ],
)
def test_what_is_wrong_in_our_table_is_named(tmp_path, line, sentence):
    head = "video,frame,individual,keypoint,x,y,visibility,origin\n"
    (tmp_path / "a.csv").write_text(head + line + "\n" * bool(line))
    with pytest.raises(InputError, match=sentence):
        io_labels.read(tmp_path / "a.csv")


def test_a_line_that_is_there_twice_is_named(tmp_path):
    head = "video,frame,individual,keypoint,x,y,visibility\n"
    (tmp_path / "a.csv").write_text(head + "v.mp4,0,a,nose,1,2,visible\n" * 2)
    with pytest.raises(InputError, match="line 3 repeats 'nose' of frame 0"):
        io_labels.read(tmp_path / "a.csv")


def slp(path, frames, tracks=("F", "M")):
    """Write a SLEAP file; a frame is a list of (kind, track, x, taken from) or "negative"."""
    import sleap_io

    skeleton = sleap_io.Skeleton(["a", "b"])
    known = {name: sleap_io.Track(name) for name in tracks}
    notes = {"type": "MediaVideo", "filename": "v.mp4"}
    video = sleap_io.Video("v.mp4", backend_metadata=notes, open_backend=False)
    listed = []
    for number, content in frames.items():
        made = []
        for kind, track, x, source in content if content != "negative" else ():
            xy = np.array([[x, 1.0], [x, 2.0]])
            more = {"skeleton": skeleton, "track": known.get(track)}
            if kind == "predicted":
                scores = np.array([0.5, 1.5])
                made.append(
                    sleap_io.PredictedInstance.from_numpy(
                        xy, point_scores=scores, score=0.25, **more
                    )
                )
            else:
                origin = made[source] if source is not None else None
                made.append(sleap_io.Instance.from_numpy(xy, from_predicted=origin, **more))
        listed.append(
            sleap_io.LabeledFrame(video, number, made, is_negative=content == "negative")
        )
    whole = sleap_io.Labels(listed, [video], [skeleton], list(known.values()))
    sleap_io.save_slp(whole, str(path), verbose=False)
    return path


def test_sleap_users_hide_the_predictions_they_took(tmp_path):
    frames = {
        0: [("predicted", "F", 1.0, None), ("predicted", "M", 2.0, None)]
        + [("user", None, 3.0, 0)],
        4: [("user", "F", 4.0, None), ("predicted", "F", 5.0, None)]
        + [("predicted", None, 6.0, None)],
        7: "negative",
        9: [],
    }
    labels = io_labels.read(slp(tmp_path / "a.slp", frames))
    found = sorted(
        (int(labels.frame[n]), float(labels.xy[n, 0, 0]), labels.name(n), int(labels.origin[n]))
        for n in range(len(labels))
    )
    assert found == [(0, 2.0, "M", 1), (0, 3.0, "", 2), (4, 4.0, "F", 0), (4, 6.0, "", 1)]
    assert labels.negatives.tolist() == [[0, 7]]  # of frame 9 nobody said anything


def test_one_animal_a_frame_and_no_tracks_is_one_animal(tmp_path):
    frames = {k: [("user", None, float(k), None)] for k in range(3)}
    labels = io_labels.read(slp(tmp_path / "a.slp", frames, tracks=()))
    assert (labels.individuals, labels.individual.tolist()) == (("animal",), [0] * 3)
    frames[5] = [("user", None, 1.0, None)] * 2
    crowd = io_labels.read(slp(tmp_path / "b.slp", frames, tracks=()))
    assert crowd.individual.tolist() == [UNKNOWN] * 5


def pictures(folder, count=4):
    """Labels of SLEAP on single images."""
    import cv2
    import sleap_io

    folder.mkdir()
    files = [folder / f"im{k}.png" for k in range(count)]
    for k, file in enumerate(files):
        file.write_bytes(cv2.imencode(".png", np.full((20, 30, 3), 20 * k, np.uint8))[1])
    skeleton = sleap_io.Skeleton(["a", "b"])
    video = sleap_io.Video.from_filename([str(file) for file in files])
    return sleap_io.Labels(
        [
            sleap_io.LabeledFrame(
                video, k, [sleap_io.Instance.from_numpy(np.ones((2, 2)), skeleton=skeleton)]
            )
            for k in range(count)
        ]
    )


def test_images_that_are_not_here_are_named_and_found_beside_the_file(tmp_path):
    there = tmp_path / "theirs"
    there.mkdir()
    pictures(there / "imgs").save(str(there / "a.slp"), verbose=False)
    assert io_labels.read(there / "a.slp").videos == (str(there / "imgs"),)
    (there / "imgs" / "im2.png").unlink()
    with pytest.raises(InputError, match=r"im2\.png, which does not exist \(1 of 4"):
        io_labels.read(there / "a.slp")
    (there / "a.slp").rename(tmp_path / "a.slp")
    (there / "imgs").rename(there / "elsewhere")
    with pytest.raises(InputError, match=r"\(4 of 4 .* put the folder imgs beside a\.slp"):
        io_labels.read(tmp_path / "a.slp")


def test_a_package_without_its_images_is_named(tmp_path):
    path = tmp_path / "a.pkg.slp"
    pictures(tmp_path / "imgs").save(str(path), embed=True, verbose=False)
    assert io_labels.read(path).videos == (f"{path}::video0",)
    with h5py.File(path, "a") as file:
        del file["video0/video"]
    with pytest.raises(InputError, match=r"a\.pkg\.slp lacks the images of video0"):
        io_labels.read(path)
