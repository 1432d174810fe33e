import asyncio
import threading
import warnings

import clips
import cv2
import numpy as np
import pytest
import tifffile
from desked import studio_of
from labelled import MOUSE
from starlette.applications import Starlette

from gambol.app.web import frames
from gambol.app.web.answers import HANDLERS
from gambol.io.project import Project
from gambol.io.video import open_video

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the successor of httpx
    from starlette.testclient import TestClient

KINDS = ["long_gop", "variable_rate", "bframes", "motion_jpeg", "hevc"]


class Served:
    """A project of one video, served."""

    def __init__(self, folder, path):
        with Project.create(folder, MOUSE) as project:
            project.add_video(path)
            self.video = project.videos()[0]
        self.path = path
        self.studio = studio_of(folder)
        app = Starlette(routes=frames.routes(self.studio), exception_handlers=HANDLERS)
        self.app, self.client = app, TestClient(app)
        self.base = f"/api/videos/{self.video.id}/{self.video.hash}"

    def get(self, rest, **more):
        return self.client.get(f"{self.base}/{rest}", **more)

    def close(self):
        self.studio.pictures.close()
        self.studio.desk.close()


@pytest.fixture
def serve(tmp_path):
    made = []

    def make(kind="bframes", path=None):
        made.append(Served(tmp_path / kind, path or getattr(clips, kind)(tmp_path)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def image_in(data):
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), 1), cv2.COLOR_BGR2RGB)


def parts(data):
    found = []
    while data:
        size = int.from_bytes(data[:4], "little")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_200_jumps_show_the_frame_that_is_stored(serve, kind):
    one = serve(kind)
    with open_video(one.path) as video:
        truth = [video.read([i])[0] for i in range(len(video))]
    shown = [clips.number_in(image) for image in truth]
    assert shown == list(range(len(truth)))
    for index in np.random.default_rng(0).integers(0, len(truth), 200).tolist():
        answer = one.get(f"frames/{index}.png")
        assert answer.headers["content-type"] == "image/png"
        np.testing.assert_array_equal(image_in(answer.content), truth[index])
        assert clips.number_in(image_in(one.get(f"frames/{index}.jpg").content)) == index


def test_a_picture_is_kept_for_ever_under_its_fingerprint(serve):
    one = serve()
    first = one.get("frames/5.jpg")
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = one.get("frames/5.jpg", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and not again.content
    tags = {one.get(a).headers["etag"] for a in (
        "frames/5.jpg", "frames/6.jpg", "frames/5.png", "frames/5.jpg?q=50",
        "frames/5.jpg?w=40", "thumbs/5.jpg",
    )}  # fmt: skip
    assert len(tags) == 6 and first.headers["etag"] in tags


def test_the_server_says_what_a_picture_cost(serve):
    one = serve()

    def cost(answer):
        said = (part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
        return {name: float(ms) for name, ms in said}

    first, again = cost(one.get("frames/70.jpg")), cost(one.get("frames/70.jpg"))
    assert list(first) == ["queue", "decode", "jpeg"] and first["decode"] > 0
    assert again == {"queue": 0, "decode": 0, "jpeg": 0}


def test_width_quality_and_small_pictures(serve):
    one = serve()
    assert image_in(one.get("frames/5.jpg?w=48").content).shape == (32, 48, 3)
    rough, fine = (len(one.get(f"frames/5.jpg?q={q}").content) for q in (20, 95))
    assert rough < fine / 2
    assert clips.number_in(image_in(one.get("thumbs/9.jpg").content)) == 9
    for bad in ("q=0", "q=101", "w=-1", "w=99999", "q=x"):
        answer = one.get(f"frames/5.jpg?{bad}")
        assert answer.status_code == 422 and answer.json()["message"].startswith(bad[0])


def test_many_pictures_come_one_after_another(serve):
    one = serve()
    found = parts(one.get("frames?from=20&n=5&step=3").content)
    assert [clips.number_in(image_in(data)) for data in found] == [20, 23, 26, 29, 32]
    back = parts(one.get("frames?from=3&n=9&step=-1&w=48").content)
    assert [clips.number_in(image_in(data)) for data in back] == [3, 2, 1, 0]
    assert one.get("frames?from=20&n=1").content[4:] == one.get("frames/20.jpg").content
    for bad in ("from=20&n=65", "from=20&n=0", "from=20&step=0", "n=4"):
        assert one.get(f"frames?{bad}").status_code == 422
    assert one.get("frames?from=80&n=4").status_code == 404


def test_times_are_seconds_of_every_frame(serve):
    one = serve("variable_rate")
    answer = one.get("times")
    with open_video(one.path) as video:
        np.testing.assert_array_equal(np.frombuffer(answer.content, "<f8"), video.times)


def test_what_is_not_there_is_not_found(serve):
    one = serve()
    assert one.get("frames/80.jpg").status_code == 404
    assert one.get("frames/-1.jpg").status_code == 404
    assert one.get("frames/x.jpg").status_code == 404
    assert one.get("frames/80.jpg").json()["message"] == "there is no frame 80 in this video"
    wrong = f"/api/videos/{one.video.id}/{'0' * 64}"
    assert one.client.get(f"{wrong}/frames/0.jpg").status_code == 404
    assert one.client.get(f"{wrong}/times").status_code == 404
    assert one.client.get(f"/api/videos/99/{one.video.hash}/frames/0.jpg").status_code == 404


def broken(path):
    """The middle of a file overwritten."""
    data = bytearray(path.read_bytes())
    third = len(data) // 3
    data[third : third + third // 2] = b"\x55" * (third // 2)
    path.write_bytes(data)
    return path


def test_an_unreadable_frame_is_told_in_a_sentence_and_others_are_shown(serve, tmp_path):
    one = serve("bframes", broken(clips.bframes(tmp_path)))
    answers = [one.get(f"frames/{i}.jpg") for i in range(one.video.frames)]
    bad = [a for a in answers if a.status_code != 200]
    assert 0 < len(bad) < len(answers)
    for answer in bad:
        assert answer.status_code == 422 and answer.json()["code"] == "unreadable"
        assert "is damaged and cannot be decoded" in answer.json()["message"]
    found = parts(one.get("frames?from=0&n=64").content)
    assert [len(f) == 0 for f in found] == [a.status_code == 422 for a in answers[:64]]


def test_a_video_that_moved_is_found_again(serve, tmp_path):
    one = serve()
    assert one.get("frames/3.png").status_code == 200
    one.studio.pictures.close()
    one.path.rename(tmp_path / "moved.mp4")
    again = studio_of(one.studio.folder)
    routes = frames.routes(again)
    client = TestClient(Starlette(routes=routes, exception_handlers=HANDLERS))
    assert clips.number_in(image_in(client.get(f"{one.base}/frames/3.png").content)) == 3
    again.pictures.close()
    again.desk.close()


def test_a_file_that_vanishes_is_told_and_the_next_question_looks_again(serve, tmp_path):
    one = serve()
    place = frames._Place(one.video.hash, str(tmp_path / "no.mp4"), one.video.frames)
    handlers = one.client.app.routes[0].endpoint.__self__
    handlers._places[one.video.id, one.video.hash] = place
    first = one.get("frames/3.jpg")
    assert first.status_code == 422 and "no.mp4 does not exist" in first.json()["message"]
    assert one.get("frames/3.jpg").status_code == 200


def test_a_busy_decoder_says_so(serve):
    one = serve()
    one.studio.pictures.close()
    answer = one.get("frames/3.jpg")
    assert answer.status_code == 503 and answer.json()["code"] == "busy"
    assert one.get("frames?from=0&n=4").content == b""


def test_what_a_page_no_longer_waits_for_is_dropped(serve):
    one = serve()
    reader = one.studio.pictures._reader(one.video.hash, str(one.path))
    free = threading.Event()
    reader.do(lambda video: free.wait(10))

    async def hang_up():
        sent = []
        said = iter([{"type": "http.request", "body": b""}, {"type": "http.disconnect"}])

        async def receive():
            await asyncio.sleep(0.02)
            return next(said)

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http", "method": "GET", "path": f"{one.base}/frames/44.jpg",
            "query_string": b"", "headers": [], "http_version": "1.1",
        }  # fmt: skip
        await asyncio.wait_for(one.app(scope, receive, send), 5)
        return sent[0]["status"]

    assert asyncio.run(hang_up()) == 499
    free.set()
    one.get("frames/1.jpg")
    assert not [wanted for wanted in reader._kept if wanted.frame == 44]


def test_a_window_spreads_the_stored_values_that_it_holds(serve, tmp_path):
    ramp = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) + 1000
    stack = np.stack([ramp, ramp[::-1]])
    tifffile.imwrite(tmp_path / "deep.tif", stack)
    one = serve("deep", tmp_path / "deep.tif")
    top, low, high = np.frombuffer(one.get("levels/1").content, "<u4").tolist()
    assert top == 65535 and 1000 <= low < 1150 and 7000 < high <= 7143
    dark = image_in(one.get("frames/1.png").content)
    assert dark.max() <= 28
    for lo, hi in ((low, high), (1500, 1600), (0, 65535)):
        shown = image_in(one.get(f"frames/1.png?lo={lo}&hi={hi}").content)[..., 0].astype(int)
        truth = np.clip((stack[1].astype(float) - lo) / (hi - lo), 0, 1) * 255
        assert np.abs(shown - truth).max() <= 0.5001
    tags = {one.get(f"frames/1.png{q}").headers["etag"] for q in ("", "?lo=0&hi=9", "?hi=8")}
    assert len(tags) == 3
    for bad in ("lo=5&hi=5", "lo=9&hi=3", "hi=65536", "lo=-1&hi=9", "hi=x"):
        assert one.get(f"frames/1.png?{bad}").status_code == 422
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "deep.tif"), stack)


def test_eight_bits_say_so_and_damage_is_told(serve, tmp_path):
    one = serve()
    top, low, high = np.frombuffer(one.get("levels/3").content, "<u4").tolist()
    assert top == 255 and 0 <= low < high <= 255
    assert one.get("levels/80").status_code == 404
