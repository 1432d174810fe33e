"""Everything a person can get wrong: status 2, one sentence, nothing half written.

A case makes its files, returns the command line and names what the sentence has to contain.
"""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from four_points import labels_of
from labelled import MOUSE
from tracked import apart

from gambol.core.labels import Visibility, join
from gambol.core.skeleton import Skeleton
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.io.project import Project
from gambol.stages import identities
from gambol.stages import track as stages_track

# the shape checker of the tests looks at tensors while openvino traces the network
pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")


class World(NamedTuple):
    """Where a case happens."""

    place: Path
    trained: Path  # a finished run
    labels: Path  # what it was trained on
    predicted: Path  # poses of another film, mine.mp4, which is gone
    patch: pytest.MonkeyPatch

    @property
    def out(self):
        return self.place / "out"

    @property
    def film(self):
        return self.labels.with_name("film.mp4")

    def write(self, name, text):
        path = self.place / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def run(self):
        """A copy of the run, to be damaged."""
        return Path(shutil.copytree(self.trained, self.place / "run"))

    def project(self):
        """A project with the labels."""
        folder = self.place / "mice"
        with Project.create(folder, MOUSE) as project:
            project.put_labels(io_labels.load(self.labels))
        return folder

    def database(self, statement):
        """Change a project behind gambol's back."""
        folder = self.project()
        with sqlite3.connect(folder / "project.db") as connection:
            connection.executescript(statement)
        connection.close()
        return folder

    def table(self, labels, name="labels.csv"):
        io_labels.write(labels, self.place / name, "csv")
        return self.place / name

    def poses(self):
        """A finished pose file, of a film that is gone."""
        return Path(shutil.copy(self.predicted, self.place))

    def detections(self, **attrs):
        """A file of detections of two animals."""
        return apart(self.place / "pair.detections.nc", seconds=1.0, **attrs)[0]

    def tracks(self):
        """Their tracks."""
        made = stages_track.run(stages_track.TrackConfig(), [self.detections()], self.place)
        return made[0].tracks


CASES: list[Callable] = []


def bad(says, writes=()):
    """Register a case.

    Args:
        says: what the sentence has to contain, besides `gambol: `.
        writes: complete files, relative to the case's folder, that may be there afterwards.
    """

    def register(make):
        make.says = (says,) if isinstance(says, str) else says
        make.writes = writes
        CASES.append(make)
        return make

    return register


def train(labels, w, *more):
    return ["train", labels, "--out", w.out, "--steps", "2", *more]


# labels


@bad("none.csv does not exist")
def missing_labels(w):
    return train(w.place / "none.csv", w)


@bad("labels.csv is empty")
def empty_labels(w):
    return train(w.write("labels.csv", ""), w)


@bad(("notes.txt", "known are"))
def labels_of_no_known_format(w):
    return train(w.write("notes.txt", "the mouse was nice today"), w)


@bad("labels.csv")
def a_header_without_labels(w):
    return train(w.write("labels.csv", w.labels.read_text().splitlines()[0] + "\n"), w)


@bad(("mice", "label some frames"))
def a_project_without_labels(w):
    Project.create(w.place / "mice", MOUSE).close()
    return train(w.place / "mice", w)


@bad("no keypoint has a position")
def labels_without_a_position(w):
    labels = labels_of(w.film)
    labels.xy[:] = np.nan
    labels.visibility[:] = Visibility.ABSENT
    return train(w.table(labels), w)


@bad(("snout", "nose"))
def labels_of_another_skeleton_than_the_run(w):
    other = Skeleton(("snout", *MOUSE.keypoints[1:]))
    return ["evaluate", w.trained, w.table(labels_of(w.film, other)), "--part", "val"]


@bad(("'snout' is new", "mice"))
def import_of_another_skeleton_than_the_project(w):
    other = Skeleton(("snout", *MOUSE.keypoints[1:]))
    return ["import", w.table(labels_of(w.film, other)), w.project()]


@bad(("'nose' occurs twice", "labels"))
def a_table_with_a_keypoint_twice(w):
    w.place.joinpath("labels").mkdir()
    rows = "scorer,a,a,a,a\nbodyparts,nose,nose,nose,nose\ncoords,x,y,x,y\nimg0.png,1,2,3,4\n"
    return ["import", w.write("labels/CollectedData_a.csv", rows), w.out]


@bad("'nose' occurs twice")
def a_keypoint_twice(w):
    return ["new", w.out, "--keypoints", "nose,tail,nose"]


@bad("empty name")
def a_keypoint_without_a_name(w):
    return ["new", w.out, "--keypoints", "nose,,tail"]


@bad("999")
def a_label_beyond_the_end_of_the_film(w):
    text = w.labels.read_text().replace(",29,", ",999,")
    return train(w.write("labels.csv", text), w)


@bad("999")
def import_of_a_label_beyond_the_end_of_the_film(w):
    labels = labels_of(w.film)
    labels.frame[-1] = 999
    return ["import", w.table(labels), w.out]


@bad(("line 3", "repeats"))
def one_point_twice(w):
    lines = w.labels.read_text().splitlines()
    return train(w.write("labels.csv", "\n".join([*lines[:2], *lines[1:]])), w)


@bad(("line 2", "labels.csv"))
def a_number_that_is_none(w):
    lines = w.labels.read_text().splitlines()
    cells = lines[1].split(",")
    lines[1] = ",".join([*cells[:4], "twelve", *cells[5:]])
    return train(w.write("labels.csv", "\n".join(lines)), w)


@bad(("lost.mp4", "does not exist"))
def labels_of_a_video_that_is_not_here(w):
    return train(w.table(labels_of(w.place / "lost.mp4")), w)


@bad("several labelled animals")
def labels_of_several_animals(w):
    one = labels_of(w.film)
    two = labels_of(w.film)
    object.__setattr__(two, "individuals", ("another",))
    return [*train(w.table(join([one, two])), w), "--set", "approach=single"]


@bad("labels.slp is damaged")
def a_truncated_sleap_file(w):
    whole = w.place / "whole.slp"
    io_labels.write(labels_of(w.film), whole, "slp")
    return train(w.write("labels.slp", whole.read_bytes()[:-5000]), w)


@bad("labels.json")
def truncated_json(w):
    return train(w.write("labels.json", '{"images": [{"id": 1,'), w)


@bad(("skeleton.yaml", "did you mean 'nose'"))
def a_skeleton_file_with_a_misspelt_keypoint(w):
    text = "keypoints: [nose, tail]\nbones: [[tail, noes]]\n"
    return ["new", w.out, "--skeleton", w.write("skeleton.yaml", text)]


@bad("out needs either")
def a_project_without_keypoints(w):
    return ["new", w.out]


# videos


@bad("none.mp4 does not exist")
def a_missing_video(w):
    return ["predict", w.trained, w.place / "none.mp4", "--out", w.out]


@bad(("notes.mp4", "cannot be read as video"))
def a_text_named_mp4(w):
    video = w.write("notes.mp4", "this is not a film\n" * 100)
    return ["predict", w.trained, video, "--out", w.out]


@bad(("empty.mp4", "empty"))
def an_empty_video(w):
    return ["predict", w.trained, w.write("empty.mp4", ""), "--out", w.out]


@bad("noise.mp4")
def random_bytes(w):
    noise = np.random.default_rng(0).bytes(20_000)
    return ["predict", w.trained, w.write("noise.mp4", noise), "--out", w.out]


@bad("half.mp4")
def the_first_half_of_a_video(w):
    data = w.film.read_bytes()
    return ["predict", w.trained, w.write("half.mp4", data[: len(data) // 2]), "--out", w.out]


@bad("images")
def a_folder_without_images(w):
    (w.place / "images").mkdir()
    return ["predict", w.trained, w.place / "images", "--out", w.out]


@bad("two videos are named film")
def two_videos_of_one_name(w):
    (w.place / "day2").mkdir()
    second = shutil.copy(w.film, w.place / "day2" / "film.mp4")
    return ["predict", w.trained, w.film, second, "--out", w.out]


@bad(("mine.mp4", "--video"))
def films_of_a_video_that_is_gone(w):
    return ["movies", w.poses(), "--out", w.out]


# projects


@bad(("mice", "half written"))
def a_half_written_project(w):
    return train(w.database("DROP TABLE edits;"), w)


@bad(("project.db", "no database"))
def a_project_that_is_no_database(w):
    (w.place / "mice").mkdir()
    w.write("mice/project.db", "SQLite it is not, " * 100)
    return train(w.place / "mice", w)


@bad(("project.db", "half written"))
def a_project_of_no_bytes(w):
    (w.place / "mice").mkdir()
    w.write("mice/project.db", "")
    return train(w.place / "mice", w)


@bad(("format 99", "pip install -U gambol"))
def a_project_of_a_newer_gambol(w):
    return ["info", w.database("PRAGMA user_version = 99;")]


@bad(("mice", "is a project already"))
def a_project_over_a_project(w):
    return ["new", w.project(), "--keypoints", "nose"]


@bad(("film.mp4", "enclose nothing"))
def a_region_of_two_corners(w):
    return ["regions", w.project(), "--polygon", "0,0 9,9"]


@bad(("'0 9 9 0'", 'write "x,y x,y x,y"'))
def a_region_of_numbers_without_commas(w):
    return ["regions", w.project(), "--polygon", "0 9 9 0"]


@bad(("no region 3", "gambol regions lists them"))
def removal_of_a_region_that_is_not_there(w):
    return ["regions", w.project(), "--remove", "3"]


@bad("is no project")
def import_of_a_folder_that_is_nothing(w):
    (w.place / "things").mkdir()
    return ["import", w.place / "things", w.out]


@bad("nothing.txt does not exist")
def info_about_nothing(w):
    return ["info", w.place / "nothing.txt"]


# settings


@bad(("settings.yaml", "fit.stepz", "did you mean 'steps'"))
def a_misspelt_key(w):
    path = w.write("settings.yaml", "fit:\n  stepz: 3\n")
    return train(w.labels, w, "--config", path)


@bad("settings.yaml is not YAML")
def yaml_that_is_none(w):
    return train(w.labels, w, "--config", w.write("settings.yaml", "fit: {steps: 3\nx: [\n"))


@bad("settings.yaml: settings are")
def yaml_without_keys(w):
    return train(w.labels, w, "--config", w.write("settings.yaml", "- 1\n- 2\n"))


@bad("none.yaml")
def settings_that_are_not_there(w):
    return train(w.labels, w, "--config", w.place / "none.yaml")


@bad(("fit.rate", "write key=value"))
def set_without_a_value(w):
    return train(w.labels, w, "--set", "fit.rate")


@bad(("fti.steps=3", "did you mean 'fit'"))
def set_into_a_block_that_is_not_there(w):
    return train(w.labels, w, "--set", "fti.steps=3")


@bad(("fit.batch", "'many'"))
def set_to_a_word_where_a_number_belongs(w):
    return train(w.labels, w, "--set", "fit.batch=many")


@bad(("backbone", "no backbone 'unetx'"))
def a_network_that_is_not_there(w):
    return train(w.labels, w, "--set", "backbone={kind: unetx}")


@bad(("gambol: --minutes: fit.minutes", "-1"))
def a_negative_budget(w):
    return ["train", w.labels, "--out", w.out, "--minutes", "-1"]


@bad(("--minutes", "inf"))
def an_endless_budget(w):
    return ["train", w.labels, "--out", w.out, "--minutes", "inf"]


@bad(("scale", "50"))
def a_scale_that_no_memory_holds(w):
    return train(w.labels, w, "--set", "scale=50")


@bad(("window", "100000"))
def a_window_that_no_memory_holds(w):
    return train(w.labels, w, "--set", "window=100000")


@bad(("fit.batch", "100000000"))
def a_batch_that_no_memory_holds(w):
    return train(w.labels, w, "--set", "fit.batch=100000000")


@bad(("backbone", "depth", "12"))
def a_network_that_no_memory_holds(w):
    return train(w.labels, w, "--set", "backbone={kind: unet, depth: 12}")


@bad(("backbone", "stride is none of 1, 2, 4", "3"))
def a_stride_that_is_no_power_of_two(w):
    return train(w.labels, w, "--set", "backbone={kind: unet, stride: 3}")


@bad(("filters", "100000"))
def a_network_wider_than_memory(w):
    return train(w.labels, w, "--set", "backbone={kind: unet, filters: 100000}")


@bad(("patch", "odd", "30"))
def a_patch_without_a_middle(w):
    return train(w.labels, w, "--set", "backbone={kind: linear, patch: 30}")


@bad(("graph", "bones", "output.parent"))
def a_posture_graph_without_bones(w):
    return train(w.labels, w, "--set", "output={kind: graph}")


@bad(("backbone", "kind: NAME", "unet"))
def a_network_without_a_name(w):
    return train(w.labels, w, "--set", "backbone.depth=3")


@bad(("augment.scale", "smaller number comes first"))
def a_range_from_large_to_small(w):
    return train(w.labels, w, "--set", "augment.scale=[2, 1]")


@bad(("split.seed", "-1"))
def a_negative_seed(w):
    return train(w.labels, w, "--set", "split.seed=-1")


@bad(("settings", "cannot be read", "check the path"))
def settings_that_are_a_folder(w):
    (w.place / "settings").mkdir()
    return train(w.labels, w, "--config", w.place / "settings")


@bad(("gambol demo", "seed", "-1"))
def a_demo_of_a_negative_seed(w):
    return ["demo", "--quick", "--seed", "-1", "--out", w.out]


@bad(("out", "not empty"))
def a_demo_among_other_things(w):
    w.out.mkdir()
    w.write("out/thesis.txt", "all of it")
    return ["demo", "--quick", "--out", w.out]


@bad(("seconds", "inf"))
def a_film_without_end(w):
    return ["simulate", w.out, "--seconds", "inf"]


@bad(("not empty", "hold a simulation"))
def a_film_over_labels_of_a_person(w):
    shutil.copy(w.labels, w.place / "labels.slp")
    return ["simulate", w.place, "--seconds", "0.5"]


@bad(("none", "--videos"))
def videos_to_be_sought_in_a_folder_that_is_none(w):
    return ["import", w.labels, w.out, "--videos", w.place / "none"]


@bad(("project.db", "is no .csv file"))
def an_export_over_the_project(w):
    folder = w.project()
    return ["export", folder, folder / "project.db", "--to", "csv"]


@bad(("film.mp4", "is no .slp file"))
def an_export_over_a_film(w):
    return ["export", w.labels, shutil.copy(w.film, w.place), "--to", "slp"]


@bad(("mine.nc", "is no page"))
def a_report_over_poses(w):
    return ["report", w.trained, "--out", w.poses()]


@bad(("labels.csv is a file", "gambol train"))
def labels_in_the_place_of_a_run(w):
    return ["predict", w.labels, w.film, "--out", w.out]


@bad("leave --part val out")
def a_part_of_poses(w):
    return ["evaluate", w.poses(), w.labels, "--part", "val"]


@bad(("--poses", "cover"))
def poses_for_a_method_that_looks_at_none(w):
    return ["suggest", w.film, "--poses", w.poses()]


@bad(("scale", "1000"))
def a_film_of_many_metres(w):
    return ["movies", w.poses(), "--out", w.out, "--set", "scale=1000"]


@bad(("model.json is no COCO keypoint file", "lacks 'categories'"))
def json_of_something_else(w):
    return ["info", shutil.copy(w.trained / "model.json", w.place)]


@bad(("fit.steps", "0"))
def a_budget_of_nothing(w):
    return ["train", w.labels, "--out", w.out, "--steps", "0"]


@bad("cuda:7")
def training_on_a_device_that_is_not_there(w):
    return train(w.labels, w, "--device", "cuda:7")


@bad("cuda:7")
def predicting_on_a_device_that_is_not_there(w):
    return ["predict", w.trained, w.film, "--out", w.out, "--device", "cuda:7"]


@bad(("precision", "'quick'"))
def an_unknown_precision(w):
    return ["predict", w.trained, w.film, "--out", w.out, "--precision", "quick"]


@bad(("'spl'", "did you mean 'slp'"))
def an_unknown_format(w):
    return ["export", w.project(), w.out, "--to", "spl"]


@bad(("'cvs'", "did you mean 'csv'"))
def an_unknown_format_for_poses(w):
    return ["export", w.poses(), w.out, "--to", "cvs"]


@bad(("nan_means", "'gone'"))
def an_unknown_meaning_of_nan(w):
    return ["import", w.labels, w.out, "--nan-means", "gone"]


@bad(("method", "'k-means'"))
def an_unknown_way_to_suggest(w):
    return ["suggest", w.project(), "--method", "k-means"]


@bad("--poses")
def low_confidence_without_poses(w):
    return ["suggest", w.project(), "--method", "unsure"]


@bad(("animal", "'cat'"))
def an_animal_that_nobody_simulates(w):
    return ["simulate", w.out, "--animal", "cat"]


@bad(("ground", "'grass'"))
def a_ground_that_nobody_simulates(w):
    return ["simulate", w.out, "--animal", "fly", "--ground", "grass"]


@bad(("seconds", "-3"))
def a_film_of_negative_length(w):
    return ["simulate", w.out, "--seconds", "-3"]


@bad(("notes.txt", "known are"))
def import_of_a_text(w):
    return ["import", w.write("notes.txt", "the mouse was nice today\n" * 50), w.project()]


@bad("gambol new")
def import_of_a_video_without_a_project(w):
    return ["import", w.film, w.out]


# runs


@bad("none does not exist")
def a_missing_run(w):
    return ["predict", w.place / "none", w.film, "--out", w.out]


@bad(("things", "is no training run"))
def a_folder_that_is_no_run(w):
    (w.place / "things").mkdir()
    return ["predict", w.place / "things", w.film, "--out", w.out]


@bad(("run", "is not finished"))
def a_run_that_is_not_finished(w):
    run = w.run()
    (run / "model.json").unlink()
    w.write("run/state.pt", b"")
    return ["predict", run, w.film, "--out", w.out]


@bad("weights.safetensors")
def truncated_weights(w):
    weights = w.run() / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    return ["predict", weights.parent, w.film, "--out", w.out]


@bad("weights.safetensors")
def missing_weights(w):
    (w.run() / "weights.safetensors").unlink()
    return ["predict", w.place / "run", w.film, "--out", w.out]


@bad("model.json is not JSON")
def a_damaged_model_file(w):
    run = w.run()
    w.write("run/model.json", "{")
    return ["evaluate", run, w.labels]


@bad(("out", "other settings"))
def a_run_with_other_settings_in_the_way(w):
    w.run().rename(w.out)
    return train(w.labels, w, "--set", "fit.rate=0.5")


@bad(("out", "not empty"))
def other_things_in_the_way(w):
    w.out.mkdir()
    w.write("out/thesis.txt", "all of it")
    return train(w.labels, w)


@bad("state.pt is damaged")
def a_damaged_state(w):
    run = w.run()
    (run / "model.json").unlink()
    (run / "fitted.json").unlink()
    w.write("run/state.pt", "no state")
    run.rename(w.out)
    return ["train", w.labels, "--out", w.out, "--set", "fit.steps=2", "--set", "fit.batch=2"]


@bad(("kept no test part", "split.test"))
def a_run_without_a_test_part(w):
    return ["evaluate", w.trained, w.labels, "--part", "test"]


@bad(("part", "'tset'"))
def an_unknown_part(w):
    return ["evaluate", w.trained, w.labels, "--part", "tset"]


@bad(("a single animal", "leave oks out"))
def a_tolerance_for_one_animal(w):
    return ["evaluate", w.poses(), w.labels, "--set", "oks.sigma=0.1"]


@bad(("oks.match", "2"))
def a_similarity_above_one(w):
    return ["evaluate", w.poses(), w.labels, "--set", "oks.match=2"]


@bad("things")
def a_report_about_nothing(w):
    (w.place / "things").mkdir()
    return ["report", w.place / "things"]


# poses


@bad("film.mp4")
def poses_of_another_video_than_the_labels(w):
    return ["evaluate", w.poses(), w.labels]


@bad("mine.nc")
def truncated_poses(w):
    poses = w.poses()
    poses.write_bytes(poses.read_bytes()[:-2000])
    return ["evaluate", poses, w.labels]


@bad("notes.nc")
def films_of_poses_that_are_none(w):
    return ["movies", w.write("notes.nc", "no poses at all"), "--out", w.out]


# tracks


def review(w, *words):
    return ["review", w.tracks(), *words]


@bad(("nothing.detections.nc", "does not exist"))
def tracking_what_is_not_there(w):
    return ["track", w.place / "nothing.detections.nc", "--out", w.out]


@bad(("mine.nc", "would be overwritten"))
def tracking_poses_of_one_animal_over_themselves(w):
    return ["track", w.poses(), "--out", w.place]


@bad(("empty", "gambol predict"))
def tracking_an_empty_folder(w):
    (w.place / "empty").mkdir()
    return ["track", w.place / "empty", "--out", w.out]


@bad("pair.detections.nc is no complete")
def tracking_truncated_detections(w):
    path = w.detections()
    path.write_bytes(path.read_bytes()[:-2000])
    return ["track", path, "--out", w.out]


@bad(("pair.detections.nc", "--animals"))
def tracking_nobody_knows_how_many(w):
    return ["track", w.detections(most=0), "--out", w.out]


@bad(("preset", "'sleep-classic'"))
def an_unknown_preset(w):
    return ["track", w.detections(), "--out", w.out, "--set", "preset=sleep-classic"]


@bad(("animal", "did you mean 'animals'"))
def a_misspelt_setting_of_tracking(w):
    return ["track", w.detections(), "--out", w.out, "--set", "animal=2"]


@bad(("notes.txt", "known are"))
def tracking_a_text(w):
    return ["track", w.write("notes.txt", "two mice, all day"), "--out", w.out]


@bad("the disk is full")
def a_full_disk_while_tracking(w):
    source = w.detections()
    w.patch.setattr(store.os, "fsync", refuse(errno.ENOSPC))
    return ["track", source, "--out", w.out]


@bad("none.nc does not exist")
def reviewing_what_is_not_there(w):
    return ["review", w.place / "none.nc"]


@bad(("mine.nc", "no file of gambol track"))
def reviewing_poses_of_one_animal(w):
    return ["review", w.poses()]


@bad(("do", "'swop'"))
def an_edit_that_is_none(w):
    return review(w, "--do", "swop", "--animals", "animal1,animal2", "--frame", "3")


@bad("did you mean 'animal2'")
def an_animal_that_is_none(w):
    return review(w, "--do", "swap", "--animals", "animal1,aminal2", "--frame", "3")


@bad("give --frame")
def a_swap_from_nowhere(w):
    return review(w, "--do", "swap", "--animals", "animal1,animal2")


@bad(("has 30 frames", "99"))
def a_swap_after_the_end(w):
    return review(w, "--do", "swap", "--animals", "animal1,animal2", "--frame", "99")


@bad("about 2 animals, not 1")
def a_swap_of_one(w):
    return review(w, "--do", "swap", "--animals", "animal1", "--frame", "3")


@bad("no edit that could be undone")
def an_undo_of_nothing(w):
    return review(w, "--do", "undo")


@bad(("pair.edits.jsonl", "line 2"))
def a_log_that_somebody_wrote_in(w):
    tracks = w.tracks()
    with identities.log_file(tracks).open("a") as file:
        file.write("swap them, please\n")
    return ["review", tracks]


@bad(("pair.detections.nc", "is gone"))
def a_review_without_the_detections(w):
    tracks = w.tracks()
    (w.place / "pair.detections.nc").unlink()
    return ["review", tracks]


@bad("the disk is full")
def a_full_disk_while_reviewing(w):
    tracks = w.tracks()
    w.patch.setattr(store.os, "fsync", refuse(errno.ENOSPC))
    names = "animal1,animal2"
    return ["review", tracks, "--do", "swap", "--animals", names, "--frame", "3"]


# places


def refuse(number):
    def refused(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    return refused


@bad(("labels.csv", "the disk is full"))
def a_full_disk_while_flushing(w):
    project = w.project()
    w.patch.setattr(store.os, "fsync", refuse(errno.ENOSPC))
    return ["export", project, w.place / "labels.csv", "--to", "csv"]


@bad(("labels.slp", "the disk is full"))
def a_full_disk_while_renaming(w):
    project = w.project()
    w.patch.setattr(store.os, "replace", refuse(errno.ENOSPC))
    return ["export", project, w.place / "labels.slp", "--to", "slp"]


@bad("the disk is full")
def a_full_disk_while_importing(w):
    w.patch.setattr(store.os, "fsync", refuse(errno.ENOSPC))
    return ["import", w.labels, w.out]


@bad("the disk is full")
def a_full_disk_while_training(w):
    w.patch.setattr(store.os, "fsync", refuse(errno.ENOSPC))
    return train(w.labels, w)


@bad("the disk is full")
def a_full_disk_while_predicting(w):
    w.patch.setattr(store.os, "fsync", refuse(errno.ENOSPC))
    return ["predict", w.trained, w.film, "--out", w.out, "--device", "torch"]


@bad(("out", "permission denied"))
def a_read_only_folder_for_a_run(w):
    w.patch.setattr(store.os, "replace", refuse(errno.EACCES))
    return train(w.labels, w)


@bad("permission denied")
def a_folder_that_may_not_be_made(w):
    w.patch.setattr(Path, "mkdir", refuse(errno.EACCES))
    return ["simulate", w.out, "--seconds", "0.5"]


@bad(("out", "a file"))
def a_file_where_the_folder_should_be(w):
    w.write("out", "a file")
    return ["predict", w.trained, w.film, "--out", w.out, "--device", "torch"]


@bad(("labels.csv", "permission denied"))
def a_file_that_may_not_be_read(w):
    def refused(path, *_args, **_kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    w.patch.setattr(Path, "open", refused)
    return train(w.labels, w)


@bad("is the source itself")
def an_export_onto_its_source(w):
    labels = shutil.copy(w.labels, w.place)
    return ["export", labels, labels, "--to", "csv"]


def tree(folder):
    """Every file with its content; SQLite's own traces and empty folders do not count."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".db-journal"
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_ends_with_one_sentence_and_nothing_half_written(
    case, gambol, trained, predicted, tmp_path, monkeypatch
):
    args = case(World(tmp_path, *trained, predicted, monkeypatch))
    before = tree(tmp_path)
    told = gambol(*args, "--json")
    monkeypatch.undo()
    assert told.status == 2, told
    lines = told.err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("gambol: ")
    assert all(part in lines[0] for part in case.says), lines[0]
    assert told.out == ""
    after = {k: v for k, v in tree(tmp_path).items() if k not in case.writes}
    assert after == before


def test_there_are_enough_cases():
    assert len(CASES) >= 25
