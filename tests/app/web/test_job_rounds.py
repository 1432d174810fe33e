from desked import animal, change, client_of, edit, post, studio_of
from labelled import MOUSE, film

from gambol.app import job_files
from gambol.app.job_files import Asked, Status
from gambol.app.web import job_rounds
from gambol.app.web.job_rounds import Event, work
from gambol.io.project import Project

A, B, C = (1, 5), (1, 6), (1, 7)


def event(at, author="ann", touched=(), ended=()):
    return Event(at, author, frozenset(touched), frozenset(ended))


def test_accepting_is_no_fix_and_drags_are():
    events = [
        event(10, touched=[A], ended=[A]),  # Enter
        event(14, touched=[B]), event(16, touched=[B]), event(19, touched=[B], ended=[B]),
    ]  # fmt: skip
    fixes, seconds = work(events, 0, 100)
    assert fixes == 1.0  # 0 and 2
    assert seconds == 9  # the first frame has no beginning, the second lasted 10 to 19


def test_only_what_was_ended_in_the_round_counts():
    events = [event(t, touched=[A], ended=[A]) for t in (5, 50, 500)]
    assert work(events, 40, 100)[0] == 0.0
    assert work(events, 600, 700) == (None, None)


def test_pauses_and_other_people_are_left_out():
    events = [
        event(0, touched=[A], ended=[A]),
        event(1000, touched=[B]),  # after a pause
        event(1001, "ben", touched=[C], ended=[C]),
        event(1004, touched=[B], ended=[B]),
    ]
    assert work(events, 500, 2000) == (0.5, 4)


def test_the_table_reads_the_log(tmp_path):
    film(tmp_path / "clip.mp4")
    with Project.create(tmp_path / "p", MOUSE) as project:
        project.add_video(tmp_path / "clip.mp4")
        assert job_rounds.of(project) == []
        folder = tmp_path / "p" / "runs" / "train-1"
        (folder / "out").mkdir(parents=True)
        (folder / "out" / "split.csv").write_text(
            "part,video,frame,individual\ntrain,a,1,x\ntrain,a,1,y\nval,a,2,x\n"
        )
        when = "2020-01-01T00:00:00+00:00"
        asked = Asked(
            id="train-1", key="k", stage="train", title="", by="ann", created=when,
            project=str(tmp_path / "p"),
        )  # fmt: skip
        job_files.ask(folder, asked)
        told = Status(state="done", started="2020-01-01T00:00:00+00:00",
                      ended="2020-01-01T00:03:00+00:00",
                      result={"median_px": 3.0, "p95_px": 9.0})  # fmt: skip
        job_files.quickly(told, folder / "status.json")
    studio = studio_of(tmp_path / "p")
    client = client_of(studio)
    row = animal()
    done = {"complete": 1, "flag": 0, "note": ""}
    post(client, edit(change("instances", (1, 3, -1), None, row)))
    post(
        client,
        edit(
            change("instances", (1, 3, -1), row, animal(2.0)),
            change("frames", (1, 3), None, done),
        ),
    )
    (found,) = studio.desk.ask_now(job_rounds.of)
    assert (found.labels, found.minutes, found.p50_px, found.p95_px) == (2, 3.0, 3.0, 9.0)
    assert found.fixes_per_frame == 1.0
    studio.desk.close()
