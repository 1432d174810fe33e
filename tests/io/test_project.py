from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelled import FRAMES, MOUSE, canonical, film, make, tables

from gambol.core.errors import InputError
from gambol.core.labels import EVERY, UNKNOWN, Labels, Origin, Region, Visibility
from gambol.core.skeleton import Skeleton
from gambol.io import labels as io_labels
from gambol.io import project_changes
from gambol.io.project import Project, Suggestion

SEEN = np.full(4, Visibility.VISIBLE, np.uint8)


def test_labels_come_back_as_they_went_in(project, clip):
    labels = make([clip], rows=40)
    assert project.put_labels(labels) == (40, 0, 0)
    back = project.labels()
    assert canonical(back) == canonical(labels)
    assert back.skeleton == MOUSE
    assert back.videos == (str(clip),)
    assert project.check() == []


def test_importing_again_changes_nothing_and_is_no_edit(project, clip):
    labels = make([clip])
    project.put_labels(labels)
    before, log = tables(project), len(list(project.history()))
    assert project.put_labels(labels) == (0, 12, 0)
    assert tables(project) == before
    assert len(list(project.history())) == log


def test_an_import_replaces_the_same_animal_and_keeps_the_rest(project, clip):
    first = make([clip], seed=1, rows=20, origins=(Origin.PERSON,))
    second = make([clip], seed=2, rows=20, origins=(Origin.PERSON,))
    project.put_labels(first)
    merged = project.put_labels(second)
    want = {(r[0], r[1]): r for r in canonical(first)} | {
        (r[0], r[1]): r for r in canonical(second)
    }
    assert canonical(project.labels()) == sorted(want.values())
    assert merged.added + merged.replaced == 20
    assert merged.added == len(want) - 20


def test_a_models_label_never_replaces_a_persons(project, clip):
    mine = make([clip], rows=10, origins=(Origin.PERSON,))
    project.put_labels(mine)
    theirs = Labels(**{**vars(mine), "xy": mine.xy + 1, "origin": np.ones(10, np.uint8)})
    assert project.put_labels(theirs) == (0, 0, 10)
    assert canonical(project.labels()) == canonical(mine)


def test_keypoints_in_another_order_are_put_in_ours(project, clip):
    labels = make([clip])
    order = [2, 0, 3, 1]
    other = Skeleton(tuple(MOUSE.keypoints[j] for j in order))
    shuffled = Labels(
        **{
            **vars(labels),
            "skeleton": other,
            "xy": labels.xy[:, order],
            "visibility": labels.visibility[:, order],
        }
    )
    project.put_labels(shuffled)
    assert canonical(project.labels()) == canonical(labels)


def test_another_skeleton_is_refused_and_nothing_is_written(project, clip):
    labels = make([clip])
    other = Skeleton(("nose", "left ear", "right ear", "tailbase"))
    before = tables(project)
    with pytest.raises(InputError, match="'tailbase' is new, 'tail' is missing"):
        project.put_labels(Labels(**{**vars(labels), "skeleton": other}))
    assert tables(project) == before


def test_a_frame_that_the_video_lacks_is_refused_and_nothing_is_written(project, clip):
    labels = make([clip])
    before = tables(project)
    with pytest.raises(InputError, match=r"clip\.mp4 has 30 frames.* no frame 30"):
        project.put_labels(labels_at(labels, 30))
    with pytest.raises(InputError, match="no frame 99"):
        project.set_instance(1, 99, "ann", np.zeros((4, 2)), SEEN)
    with pytest.raises(InputError, match="no frame -1"):
        project.set_instance(1, -1, "ann", np.zeros((4, 2)), SEEN)
    with pytest.raises(InputError, match="no video 7"):
        project.set_instance(7, 0, "ann", np.zeros((4, 2)), SEEN)
    assert tables(project) == before


def labels_at(labels, frame):
    """Move the first row to a frame."""
    frames = labels.frame.copy()
    frames[0] = frame
    return Labels(**{**vars(labels), "frame": frames})


def test_an_animal_twice_in_a_frame_is_refused(project, clip):
    labels = make([clip], rows=3)
    twice = labels.select(np.array([0, 1, 1]))
    with pytest.raises(InputError, match="is labelled twice in frame"):
        project.put_labels(twice)


def test_a_missing_video_is_named_and_nothing_is_written(project, tmp_path):
    before = tables(project)
    with pytest.raises(InputError, match=r"the video .*gone\.mp4 does not exist"):
        project.put_labels(make([tmp_path / "gone.mp4"]))
    assert tables(project) == before


def test_a_position_that_contradicts_its_state_is_refused(project):
    with pytest.raises(InputError, match="visible and occluded need a position"):
        project.set_instance(1, 0, "ann", np.full((4, 2), np.nan), SEEN)
    assert len(project.labels()) == 0


def test_set_and_remove(project):
    xy = np.arange(8.0).reshape(4, 2)
    project.set_instance(1, 3, "ann", xy, SEEN)
    project.set_instance(1, 3, "ann", xy + 1, SEEN, origin=Origin.CORRECTED)
    labels = project.labels()
    np.testing.assert_array_equal(labels.xy, xy[None] + 1)
    assert labels.origin.tolist() == [Origin.CORRECTED]
    project.remove_instance(1, 3, "ann")
    project.remove_instance(1, 3, "nobody")
    assert len(project.labels()) == 0
    assert [row.action for row in project.history()] == [
        "create", "add video", "set", "set", "remove",
    ]  # fmt: skip


def test_the_log_says_who_when_and_what(project):
    project.set_instance(1, 3, "ann", np.zeros((4, 2)), SEEN, by="mei")
    row = list(project.history())[-1]
    assert row.author == "mei"
    assert row.time.endswith("+00:00")
    assert [change[:2] for change in row.before] == [
        ["individuals", [1]],
        ["instances", [1, 3, 1]],
    ]
    assert [change[2] for change in row.before] == [None, None]
    assert row.after[1][2]["points"][0] == [0, 0.0, 0.0, 2]


actions = st.lists(
    st.tuples(st.sampled_from(["set", "remove", "undo", "redo", "suggest"]), st.integers(0, 5)),
    max_size=25,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=actions)
def test_undo_and_redo_are_a_history_as_in_any_editor(tmp_path_factory, actions):
    folder = tmp_path_factory.mktemp("undo")
    with Project.create(folder, MOUSE) as project:
        project.add_video(film(folder / "a.mp4"))
        past, future = [], []
        for action, k in actions:
            now = tables(project)
            if action == "undo" and past:
                assert len(project.undo()) == 1
                future.append(now)
                assert tables(project) == past.pop()
            elif action == "redo":
                assert len(project.redo()) == bool(future)
                if future:
                    past.append(now)
                    assert tables(project) == future.pop()
            elif action in ("set", "remove", "suggest"):
                change(project, action, k)
                if tables(project) != now:
                    past.append(now)
                    future = []
        assert project.check() == []
        project.undo(len(past))
        assert tables(project) == (past[0] if past else tables(project))


def change(project, action, k):
    if action == "set":
        project.set_instance(1, k, f"m{k % 2}", np.full((4, 2), k / 3), SEEN)
    elif action == "remove":
        project.remove_instance(1, k, f"m{k % 2}")
    else:
        project.set_suggestions([Suggestion(1, f, "jump", 0.5) for f in range(k)])


def test_undo_stops_at_the_beginning(project):
    assert project.undo(9) == ["add video"]
    assert project.undo() == []
    assert project.skeleton == MOUSE
    assert project.redo(9) == ["add video"]


def test_a_new_edit_forgets_what_could_be_redone(project):
    project.set_instance(1, 0, "ann", np.zeros((4, 2)), SEEN)
    project.undo()
    project.set_instance(1, 1, "ann", np.zeros((4, 2)), SEEN)
    assert project.redo() == []


def test_suggestions_keep_order_reason_and_state(project):
    said = [Suggestion(1, 9, "jump", 2.5), Suggestion(1, 2, "k-means", None, True)]
    project.set_suggestions(said)
    assert project.suggestions() == said
    project.set_suggestions(said[1:])
    assert project.suggestions() == said[1:]
    with pytest.raises(InputError, match="no frame 30"):
        project.set_suggestions([Suggestion(1, 30, "x")])
    project.undo()
    assert project.suggestions() == said


def test_a_video_is_one_video_wherever_it_lies(project, clip, tmp_path):
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.read_bytes())
    assert project.add_video(copy) == project.add_video(clip) == 1
    assert project.videos()[0].path == "videos/clip.mp4"
    assert project.add_video(film(tmp_path / "other.mp4", 9)) == 2
    assert project.videos()[1].path == "../other.mp4"
    assert project.videos()[1][4:] == (64, 64, FRAMES, 30.0)


def test_a_moved_project_finds_its_videos(project, clip, tmp_path):
    project.put_labels(make([clip]))
    project.close()
    (tmp_path / "p").rename(tmp_path / "q")
    labels = io_labels.load(tmp_path / "q")
    assert labels.videos == (str(tmp_path / "q/videos/clip.mp4"),)


def test_a_moved_and_renamed_video_is_found_by_its_content(project, clip, tmp_path):
    film(tmp_path / "videos" / "clip.mp4", 50)  # the same name, other content
    (tmp_path / "deep" / "er").mkdir(parents=True)
    new = clip.rename(tmp_path / "deep" / "er" / "renamed.mp4")
    assert project.locate(1) == str(new)
    assert project.videos()[0].path == "../deep/er/renamed.mp4"
    assert project.check() == []


@pytest.mark.parametrize("how", ["add", "labels"])
def test_a_lost_video_that_is_imported_again_is_found_there(
    project, clip, tmp_path_factory, how
):
    new = clip.rename(tmp_path_factory.mktemp("away") / "x.mp4")
    if how == "add":
        assert project.add_video(new) == 1
    else:
        project.put_labels(make([new]))
    assert project.locate(1) == str(new)
    assert len(project.videos()) == 1 and project.check() == []


def test_a_video_is_found_in_the_folders_given(project, clip, tmp_path_factory):
    away = tmp_path_factory.mktemp("away")
    new = clip.rename(away / "x.mp4")
    with pytest.raises(
        InputError, match=r"clip\.mp4 of .* is neither there.*import it from where"
    ):
        project.locate(1)
    assert project.locate(1, [away]) == str(new)
    with pytest.raises(InputError, match="no video 5"):
        project.locate(5)


def test_folders_of_images_and_sets_in_files_are_videos_too(project, tmp_path):
    import cv2
    import h5py

    folder = tmp_path / "p" / "images"
    folder.mkdir()
    for k in range(3):
        cv2.imwrite(str(folder / f"i{k}.png"), np.full((8, 8, 3), 9 * k, np.uint8))
    with h5py.File(tmp_path / "p" / "set.h5", "w") as file:
        file["images"] = np.zeros((4, 8, 8, 1), np.uint8)
    assert project.add_video(folder) == 2
    assert project.add_video(f"{tmp_path / 'p' / 'set.h5'}::images") == 3
    assert [v.path for v in project.videos()[1:]] == ["images", "set.h5::images"]
    (tmp_path / "p" / "set.h5").rename(tmp_path / "set2.h5")
    folder.rename(tmp_path / "images")
    assert project.locate(2) == str(tmp_path / "images")
    assert project.locate(3) == f"{tmp_path / 'set2.h5'}::images"


def test_loading_names_the_first_missing_video(project, clip, tmp_path):
    project.put_labels(make([clip]))
    clip.unlink()
    with pytest.raises(InputError, match=r"labels the video .*videos/clip\.mp4"):
        io_labels.load(tmp_path / "p")


def test_loading_an_empty_project_says_so(project, tmp_path):
    with pytest.raises(InputError, match="holds no labels; label some frames"):
        io_labels.load(tmp_path / "p")


def test_info_counts(project, clip):
    labels = make([clip])
    project.put_labels(labels)
    info = project.info()
    assert info["animals"] == 12
    assert info["frames"] == len(labels.frames)
    tail = labels.visibility[:, 3]
    assert info["keypoints"]["tail"] == {
        "visible": int((tail == 2).sum()),
        "occluded": int((tail == 1).sum()),
        "absent": int((tail == 0).sum()),
    }
    assert info["videos"][0]["found"] is True
    assert info["edits"] == 3


def test_a_copy_is_kept_before_labels_are_merged_into_labels(project, clip, tmp_path):
    project.put_labels(make([clip], seed=1))
    assert not (tmp_path / "p" / "backups").exists()
    project.put_labels(make([clip], seed=2))
    (copy,) = (tmp_path / "p" / "backups").iterdir()
    (tmp_path / "r").mkdir()
    copy.rename(tmp_path / "r" / "project.db")
    with Project.open(tmp_path / "r") as old:
        assert canonical(old.labels()) == canonical(make([clip], seed=1))


def test_a_project_is_not_made_over_another(project, tmp_path):
    with pytest.raises(InputError, match="is a project already"):
        Project.create(tmp_path / "p", MOUSE)


def test_questions_by_frame_and_by_keypoint_use_an_index(project):
    queries = [
        "SELECT * FROM instances WHERE video = 1 AND frame BETWEEN 3 AND 9",
        "SELECT * FROM points WHERE keypoint = 2 AND visibility = 1",
        "SELECT * FROM suggestions WHERE video = 1",
    ]
    for query in queries:
        plan = project._all("EXPLAIN QUERY PLAN " + query)
        assert all("USING" in row[3] and "SCAN" not in row[3] for row in plan)


def pairs(frames):
    return np.array(frames, np.int64).reshape(-1, 2)


def frames_said(project):
    """What the database holds of whole frames."""
    return sorted(project._all("SELECT video, frame, complete FROM frames"))


def crowd(clip, frame, names, shift=0.0, origin=Origin.PERSON, **more):
    """One animal a name, 20 px apart, each 10 px long; "" is nobody's name."""
    known = tuple(dict.fromkeys(name for name in names if name)) or ("animal",)
    xy = np.arange(len(names))[:, None, None] * 20.0 + np.arange(4.0)[:, None] * [2.0, 1.0]
    n = len(names)
    return Labels(
        MOUSE,
        (str(clip),),
        np.zeros(n, np.int64),
        np.full(n, frame),
        np.array([known.index(name) if name else UNKNOWN for name in names], np.int64),
        xy + shift,
        np.full((n, 4), Visibility.VISIBLE, np.uint8),
        np.full(n, origin, np.uint8),
        known,
        **more,
    )


def said(project):
    labels = project.labels()
    return sorted((labels.name(n), float(labels.xy[n, 0, 0])) for n in range(len(labels)))


def test_animals_without_names_come_back_and_are_told_apart(project, clip):
    labels = crowd(clip, 3, ["", "ann", "", ""])
    assert project.put_labels(labels) == (4, 0, 0)
    assert said(project) == [("", 0.0), ("", 40.0), ("", 60.0), ("ann", 20.0)]
    before = tables(project)
    assert project.put_labels(labels.select(np.array([3, 2, 1, 0]))) == (0, 4, 0)
    assert tables(project) == before  # their order says nothing
    assert project.check() == []
    assert project.info()["unnamed"] == 3


def test_the_same_animal_is_the_one_in_the_same_place_if_a_name_is_missing(project, clip):
    project.put_labels(crowd(clip, 3, ["", "ann", ""]))
    moved = crowd(clip, 3, ["ann", "", "bob", ""], shift=0.25)
    merged = project.put_labels(moved.select(np.array([1, 2, 3])))
    # bob was there without a name, ann had one, and of the last nobody knew
    assert merged == (1, 2, 0)
    assert said(project) == [("", 0.0), ("", 60.25), ("ann", 20.25), ("bob", 40.25)]
    project.undo()
    assert said(project) == [("", 0.0), ("", 40.0), ("ann", 20.0)]


def test_two_names_are_two_animals_wherever_they_are(project, clip):
    project.put_labels(crowd(clip, 3, ["ann"]))
    assert project.put_labels(crowd(clip, 3, ["bob"])) == (1, 0, 0)


def test_a_model_without_names_does_not_double_what_a_person_said(project, clip):
    project.put_labels(crowd(clip, 3, ["ann", ""]))
    theirs = crowd(clip, 3, ["", "", ""], shift=0.25, origin=Origin.MODEL)
    assert project.put_labels(theirs) == (1, 0, 2)
    assert said(project) == [("", 20.0), ("", 40.25), ("ann", 0.0)]
    mine = crowd(clip, 3, ["", "", "cat"])
    assert project.put_labels(mine) == (0, 3, 0)
    assert set(project.labels().origin.tolist()) == {Origin.PERSON}


def test_frames_keep_what_was_said_of_them(project, clip):
    labels = crowd(
        clip, 3, ["ann", ""], negatives=pairs([[0, 7], [0, 9]]), incomplete=pairs([[0, 3]])
    )
    project.put_labels(labels)
    back = project.labels()
    assert back.negatives.tolist() == [[0, 7], [0, 9]]
    assert back.incomplete.tolist() == [[0, 3]]
    assert [project.info()[k] for k in ("negatives", "incomplete")] == [2, 1]
    log = len(list(project.history()))
    project.put_labels(labels)
    assert len(list(project.history())) == log
    project.set_instance(1, 7, "ann", np.zeros((4, 2)), SEEN)
    assert project.labels().negatives.tolist() == [[0, 9]]
    project.undo(2)
    assert frames_said(project) == [] and len(project.labels().frames) == 0
    project.redo(2)
    assert frames_said(project) == [(1, 3, 0), (1, 7, 1), (1, 9, 1)]
    assert project.check() == []


@pytest.mark.parametrize("state", [1, 2])
@pytest.mark.parametrize("what", ["incomplete", "negatives", "animals"])
def test_an_import_says_nothing_of_frames_that_people_work_on(state, what, project, clip):
    project.put_labels(crowd(clip, 3, ["ann"], origin=Origin.MODEL))
    query = "SELECT frame, individual FROM instances"
    seen = set(project._all(query))
    saw, value = None, {"complete": state, "flag": 1, "note": "mine"}
    change = project_changes.RowChange("frames", [1, 3], saw, value)
    project_changes.apply(project, "mei-1", "begin", [change], "mei")
    before = len(project.labels(drafts=True))
    theirs = crowd(clip, 9, ["ann"])
    if what == "animals":
        theirs = crowd(clip, 3, ["bob"], shift=30.0)
    else:
        theirs = replace(theirs, **{what: pairs([[0, 3], [0, 5]])})
    project.put_labels(theirs)
    said_now = {f: (c, flag, n) for f, c, flag, n in project._all(
        "SELECT frame, complete, flag, note FROM frames")}  # fmt: skip
    assert said_now[3] == (state, 1, "mine")
    assert said_now.get(5) == {"incomplete": (0, 0, ""), "negatives": (1, 0, "")}.get(what)
    if state == 2:  # what somebody works on keeps its animals, and does not train
        assert seen <= set(project._all(query))
        assert 3 not in project.labels().frame and 3 not in project.labels().negatives[:, 1]
        assert len(project.labels(drafts=True)) == before + 1
    assert project.check() == []


def test_what_a_person_labelled_is_stronger_than_that_nothing_is_there(project, clip):
    project.put_labels(crowd(clip, 3, ["ann"]))
    project.put_labels(crowd(clip, 4, [""], origin=Origin.MODEL))
    nothing = crowd(clip, 8, ["ann"], negatives=pairs([[0, 3], [0, 4]]))
    project.put_labels(nothing)
    assert project.labels().negatives.tolist() == [[0, 4]]  # a model only thought so
    assert said(project) == [("ann", 0.0), ("ann", 0.0)]


def test_frames_can_be_said_to_be_complete_and_animals_be_named_later(project, clip):
    project.set_complete(1, 5, True)
    project.set_complete(1, 6, False)
    project.set_complete(1, 6, None)
    assert frames_said(project) == [(1, 5, 1)]
    assert project.labels().negatives.tolist() == [[0, 5]]
    project.set_instance(1, 5, -1, np.zeros((4, 2)), SEEN)
    project.set_instance(1, 5, -2, np.ones((4, 2)), SEEN)
    project.name_instance(1, 5, -2, "ann")
    assert said(project) == [("", 0.0), ("ann", 1.0)]
    with pytest.raises(InputError, match="'ann' is in frame 5 already"):
        project.name_instance(1, 5, -1, "ann")
    with pytest.raises(InputError, match="frame 5 holds no animal without a name -2"):
        project.name_instance(1, 5, -2, "bob")
    with pytest.raises(InputError, match="animal 3 has no name; give one, or -1"):
        project.set_instance(1, 5, 3, np.zeros((4, 2)), SEEN)
    with pytest.raises(InputError, match="no frame 99"):
        project.set_complete(1, 99, True)
    project.remove_instance(1, 5, -1)
    project.undo(2)
    assert said(project) == [("", 0.0), ("", 1.0)]
    assert project.check() == []


def test_a_project_of_only_empty_frames_is_labelled(project, clip, tmp_path):
    project.set_complete(1, 5, True)
    assert io_labels.load(tmp_path / "p").frames.tolist() == [[0, 5]]


def test_loading_leaves_out_missing_videos_and_keeps_what_was_said_of_frames(project, tmp_path):
    other = film(tmp_path / "p" / "videos" / "b.mp4", 9)
    gone = film(tmp_path / "p" / "videos" / "a.mp4", 17)
    labels = crowd(gone, 3, ["ann"])
    project.add_video(gone)
    labels = Labels(**vars(labels) | {"videos": (str(other),), "negatives": pairs([[0, 5]])})
    project.put_labels(labels)
    gone.unlink()
    back = io_labels.load(tmp_path / "p")
    assert [back.videos[v] for v, _ in back.frames] == [str(other)] * 2
    assert back.negatives[:, 1].tolist() == [5]


def test_removing_acts_on_the_video_it_names(project, clip, tmp_path):
    other = film(tmp_path / "p" / "videos" / "other.mp4", 9)
    labels = crowd(clip, 3, ["ann", "ann"])
    both = Labels(
        **vars(labels) | {"videos": (str(clip), str(other)), "video": np.array([0, 1])}
    )
    project.put_labels(both)
    numbers = {row.path: row.id for row in project.videos()}
    project.remove_instance(numbers["videos/other.mp4"], 3, "ann")
    project.remove_instance(numbers["videos/other.mp4"], 3, -1)
    back = project.labels()
    assert [back.videos[v] for v in back.video] == [str(clip)]


CORNER = np.array([[0.0, 0], [20.5, 0], [0, 1 / 3]])


def shapes(regions):
    return [(r.video, r.frame, r.polygon.tolist()) for r in regions]


def test_regions_come_back_and_can_be_undone_as_any_edit(project, clip):
    project.put_labels(make([clip]))
    before = project.labels().content_hash()
    assert project.add_region(1, CORNER) == 1 and project.add_region(1, CORNER + 1, 7) == 2
    want = [(0, EVERY, CORNER.tolist()), (0, 7, (CORNER + 1).tolist())]
    assert shapes(project.labels().regions) == want
    assert project.info()["regions"] == 2
    project.remove_region(1)
    assert [r.id for r in project.regions()] == [2]
    assert project.undo(3) == ["remove region", "add region", "add region"]
    assert project.regions() == [] and project.labels().content_hash() == before
    assert project.redo(2) == ["add region", "add region"]
    assert shapes(project.labels().regions) == want
    assert project.check() == []


def test_the_same_region_twice_is_one_and_no_edit(project):
    numbers = [project.add_region(1, CORNER) for _ in range(2)]
    assert numbers == [1, 1]
    assert [row.action for row in project.history()].count("add region") == 1


def test_importing_labels_brings_their_regions_once(project, clip):
    regions = (Region(0, 4, CORNER), Region(0, EVERY, CORNER))
    labels = replace(make([clip]), regions=regions)
    for _ in range(2):
        project.put_labels(labels)
        assert shapes(project.labels().regions) == shapes(labels.regions)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((9, CORNER), "no video 9"),
        ((1, CORNER, 30), "no frame 30"),
        ((1, CORNER[:2]), "enclose nothing"),
        ((1, CORNER, -7), "frame -7"),
    ],
)
def test_a_region_that_cannot_be_is_refused_and_nothing_is_written(project, args, words):
    with pytest.raises(InputError, match=words):
        project.add_region(*args)
    with pytest.raises(InputError, match=r"no region 5; gambol regions lists them"):
        project.remove_region(5)
    assert project.regions() == [] and project.check() == []


def test_loading_leaves_out_regions_of_missing_videos(project, clip, tmp_path):
    other = film(tmp_path / "p" / "videos" / "other.mp4", shade=3)
    number = project.add_video(other)
    project.put_labels(make([clip]))
    project.add_region(number, CORNER)
    other.unlink()
    assert io_labels.load(tmp_path / "p").regions == ()
    project.add_region(1, CORNER)
    assert shapes(io_labels.load(tmp_path / "p").regions) == [(0, EVERY, CORNER.tolist())]
