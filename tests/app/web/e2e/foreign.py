"""Files as other programs write them, with fields that only they know; and what a file says."""

import json

import cv2
import h5py
import numpy as np
import sleap_io
import yaml

NAMES = ("nose", "left ear", "right ear")
COCO = {  # ids in no order, and fields of the file, of images, of annotations, of the category
    "info": {"year": 2024, "contributor": "Kai", "ünï": [1, None, True]},
    "licenses": [{"id": 3, "name": "CC BY 4.0", "url": "https://x.org"}],
    "images": [
        {"id": 40, "file_name": "b.png", "width": 64, "height": 64, "license": 3,
         "date_captured": "2024-05-06 07:08:09"},
        {"id": 12, "file_name": "a.png", "width": 64, "height": 64, "flickr_url": ""},
        {"id": 13, "file_name": "c.png", "width": 64, "height": 64},
    ],
    "annotations": [
        {"id": 900, "image_id": 40, "category_id": 7, "num_keypoints": 2, "iscrowd": 0,
         "keypoints": [10.123456789, 11, 2, 20, 21.5, 1, 0, 0, 0], "track_id": 5,
         "bbox": [1.5, 2.5, 30, 40], "area": 612.25, "score": 0.875,
         "segmentation": [[1, 2, 30, 2, 30, 40]], "attributes": {"sex": "f", "tags": ["x"]}},
        {"id": 17, "image_id": 12, "category_id": 7, "num_keypoints": 1, "iscrowd": 0,
         "keypoints": [3, 4, 2, 0, 0, 0, 9, 9, 0], "bbox": [0, 0, 5, 5], "area": 25,
         "track_id": 6, "attributes": {"sex": "m"}},
        {"id": 18, "image_id": 12, "category_id": 7, "bbox": [0, 0, 9, 9], "area": 81},
    ],
    "categories": [
        {"id": 7, "name": "mouse", "supercategory": "rodent", "colour": "#ff0000",
         "keypoints": NAMES, "skeleton": [[1, 2], [1, 3]]}
    ],
}  # fmt: skip
COCO_LOST = (
    "1 annotations without keypoints", "1 positions of keypoints that are not labelled",
    "1 images of which nothing is said",
)  # fmt: skip
_OURS = ("video", "frame", "complete", "individual", "origin", "absent", "gambol")
SLP_LOST = ("predictions that 1 animals were made from", "data called calcium")
CONFIG = """Task: reach
scorer: Kai
date: Jun10
multianimalproject: false
identity:
project_path: /not/here
engine: tensorflow
video_sets:
  'C:\\videos\\clip.avi':
    crop: 0, 640, 10, 480
bodyparts: [nose, left ear, right ear]
start: 0.25
stop: 0.75
numframes2pick: 17
skeleton: [[nose, left ear], [nose, right ear]]
skeleton_color: red
pcutoff: 0.35
dotsize: 5
colormap: jet
TrainingFraction: [0.8, 0.95]
iteration: 4
default_net_type: resnet_101
snapshotindex: all
x1: 3
SuperAnimalConversionTables: {quadruped: {nose: nose}}
"""
MULTI = CONFIG.replace("multianimalproject: false\nidentity:", """multianimalproject: true
identity: true
individuals: [ann, bob]
uniquebodyparts: []
multianimalbodyparts: [nose, left ear, right ear]""").replace(
    "bodyparts: [nose, left ear, right ear]\nstart", "bodyparts: MULTI!\nstart"
)  # fmt: skip


def coco(root, film):
    """Write pictures and annotations."""
    for name in ("a.png", "b.png", "c.png"):
        _picture(root / name)
    (root / "own.json").write_text(json.dumps(COCO))
    return root / "own.json"


def said_by_coco(path):
    """Return all records by their ids, without what only we write, and where pictures lie."""
    data = json.loads(path.read_text(encoding="utf-8"))
    for name in ("images", "annotations", "categories"):
        data[name] = {
            one["id"]: {k: v for k, v in one.items() if k not in (*_OURS, "file_name")}
            for one in data[name]
        }
    for one in data["annotations"].values():
        one.pop("keypoints", None)  # compared as labels
    return data


def coco_kept():
    """Return what a file without its losses would say."""
    data = json.loads(json.dumps(COCO))
    data["annotations"].pop(), data["images"].pop()
    return data


def slp(root, film):
    """Write a person's animal, a model's, one made from a prediction, a stranger's data."""
    skeleton = sleap_io.Skeleton(
        list(NAMES), [("nose", "left ear"), ("nose", "right ear")], name="mouse"
    )
    notes = {"filename": str(film), "grayscale": True, "bgr": True, "dataset": "",
             "input_format": "channels_last"}  # fmt: skip
    video = sleap_io.Video(str(film), backend_metadata=notes, open_backend=False)
    ann, bob = sleap_io.Track("ann"), sleap_io.Track("bob")
    xy = np.array([[3.25, 4], [5, 6.125], [np.nan, np.nan]])
    person = sleap_io.Instance.from_numpy(xy, skeleton=skeleton, track=ann)
    person.tracking_score = 0.75
    model = sleap_io.PredictedInstance.from_numpy(xy + 20, skeleton=skeleton, track=bob)
    model.points["score"] = [0.5, 0.25, 0.125]
    model.score, model.tracking_score = 0.4, 0.3
    adopted = sleap_io.PredictedInstance.from_numpy(xy + 9, skeleton=skeleton)
    mended = sleap_io.Instance.from_numpy(xy + 10, skeleton=skeleton, track=ann)
    mended.from_predicted = adopted
    frames = [sleap_io.LabeledFrame(video, 3, [person, model]),
              sleap_io.LabeledFrame(video, 8, [mended, adopted])]  # fmt: skip
    made = sleap_io.Labels(
        frames, [video], [skeleton], [ann, bob],
        suggestions=[sleap_io.SuggestionFrame(video, 11, {"group": 2})],
        provenance={"sleap_version": "1.3.3", "lab": {"name": "Mei"}},
    )  # fmt: skip
    sleap_io.save_slp(made, str(root / "own.slp"), verbose=False)
    with h5py.File(root / "own.slp", "r+") as file:
        told = json.loads(file["metadata"].attrs["json"]) | {"preferences": {"colour": 1}}
        file["metadata"].attrs["json"] = json.dumps(told)
        file["calcium"] = np.arange(4)
    return root / "own.slp"


def said_by_slp(path):
    """Return scores, suggestions, and fields of the video and of the file."""
    source = sleap_io.load_slp(str(path), open_videos=False)
    with h5py.File(path) as file:
        metadata = json.loads(file["metadata"].attrs["json"])
        backend = json.loads(file["videos_json"][0])["backend"]
    scores = [
        (f.frame_idx, i.track.name, getattr(i, "score", None),
         np.nan_to_num(i.tracking_score or 0),
         i.points["score"].tolist() if hasattr(i, "score") else None)
        for f in source.labeled_frames for i in f.instances if i.track
    ]  # fmt: skip
    return {
        "provenance": {
            k: v for k, v in source.provenance.items() if k not in ("gambol", "filename")
        },
        "preferences": metadata["preferences"],
        "backend": {k: v for k, v in backend.items() if k in ("grayscale", "bgr")},
        "suggestions": [(s.frame_idx, s.metadata) for s in source.suggestions],
        "tracks": [track.name for track in source.tracks],
        "scores": sorted(scores, key=str),
    }


def dlc(root, film, config=CONFIG, animals=()):
    """Write a project of two pictures; `animals` make it one of several."""
    folder = root / "own" / "labeled-data" / "clip"
    folder.mkdir(parents=True)
    (root / "own" / "config.yaml").write_text(config)
    n = len(animals) or 1
    head = ["scorer" + 6 * n * ",Kai"]
    if animals:
        head.append("individuals" + "".join(6 * f",{name}" for name in animals))
    head.append("bodyparts" + n * "".join(f",{name},{name}" for name in NAMES))
    head.append("coords" + 3 * n * ",x,y")
    rng = np.random.default_rng(0)
    for name in ("img07.png", "img11.png"):
        _picture(folder / name)
        numbers = ",".join(map(repr, rng.uniform(0, 60, 6 * n).tolist()))
        head.append(f"labeled-data/clip/{name},{numbers}")
    (folder / "CollectedData_Kai.csv").write_text("\n".join(head) + "\n")
    return root / "own"


def dlc_multi(root, film):
    """Write a project of two animals that are always the same."""
    return dlc(root, film, MULTI, ("ann", "bob"))


def said_by_dlc(path):
    """Return the settings of CONFIG as a configuration has them, and what several need."""
    config = yaml.safe_load((path / "config.yaml").read_text())
    assert (path / "labeled-data" / "clip" / f"CollectedData_{config['scorer']}.csv").is_file()
    config["video_sets"] = list(config["video_sets"].values())
    return {k: config.get(k) for k in yaml.safe_load(MULTI) if k != "project_path"}


def _picture(path):
    cv2.imwrite(str(path), np.full((64, 64, 3), 90, np.uint8))
