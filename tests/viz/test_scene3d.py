import base64
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import ring

from gambol.core.cameras import Rig
from gambol.viz import scene3d

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def moving(frames=30, animals=2, **given):
    times, xyz = ring.walk(frames, animals)
    xyz[3, 0, 1] = np.nan
    names = tuple(f"animal {n}" for n in range(animals))
    return scene3d.Moving(xyz, times, ring.BONES, names, **given)


def data_of(text):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', text)[1])


def unpacked(data):
    packed = np.frombuffer(base64.b64decode(data["xyz"]), "<i2").astype(float)
    packed[packed == -32768] = np.nan
    xyz = packed * data["scale"] + np.tile(data["offset"], len(packed) // 3)
    return xyz.reshape(data["frames"], len(data["names"]), len(data["keypoints"]), 3)


def test_positions_come_back_to_a_part_in_ten_thousand():
    animals = moving()
    data = data_of(scene3d.build("walk", animals, ring.rig()))
    extent = np.nanmax(animals.xyz) - np.nanmin(animals.xyz)
    assert np.nanmax(np.abs(unpacked(data) - animals.xyz)) < 1e-4 * extent
    assert (np.isnan(unpacked(data)) == np.isnan(animals.xyz)).all()
    times = np.frombuffer(base64.b64decode(data["times"]), "<f8")
    assert (times == animals.times).all()


def test_long_recordings_are_thinned_and_the_page_says_so():
    animals = moving(100)
    text = scene3d.build("walk", animals, ring.rig(), max_frames=30)
    data = data_of(text)
    assert data["frames"] == 25 and data["stride"] == 4
    assert "Of 100 frames every 4th is in this page (25)" in text
    assert np.allclose(unpacked(data)[1], animals.xyz[4], atol=0.01, equal_nan=True)
    assert "every" not in re.search(r"<p class=.soft.>(.*?)</p>", scene3d.build(
        "walk", animals, ring.rig(), note="All."))[1]  # fmt: skip


def test_uncertainty_and_confidence_travel_along():
    sd = np.full((30, 2, 5), 3.0)
    sd[0, 0, 0] = 1.5
    sure = np.full((30, 2, 5), 0.5)
    data = data_of(scene3d.build("walk", moving(sd=sd, confidence=sure), ring.rig()))
    kept = np.frombuffer(base64.b64decode(data["sd"]), "<u2") * data["sdScale"]
    assert np.allclose(kept.reshape(sd.shape), sd, rtol=1e-3)
    assert set(base64.b64decode(data["confidence"])) == {128}


def test_root_mean_square_of_axes():
    assert np.isclose(scene3d.sd_of(np.diag([1.0, 4.0, 4.0])), np.sqrt(3))


def test_cameras_are_in_the_scene_and_names_cannot_break_the_page():
    animals = moving()._replace(names=("</script><b>", "b"))
    text = scene3d.build("<title>", animals, ring.rig())
    data = data_of(text)
    assert [c["name"] for c in data["cameras"]] == ["cam0", "cam1", "cam2", "cam3"]
    assert data["names"][0] == "</script><b>" and "</script><b>" not in text
    assert "&lt;title&gt;" in text


def test_a_page_needs_nothing_but_itself():
    text = scene3d.build("walk", moving(), ring.rig())
    assert not re.search(r"(src|href)=|https?://|@import|fetch\(|import ", text)


@pytest.mark.parametrize("frames", [1, 30])
def test_nothing_known_makes_a_page_all_the_same(frames):
    times, xyz = ring.walk(frames)
    nothing = scene3d.Moving(np.full_like(xyz, np.nan), times, ring.BONES, ("a",))
    assert data_of(scene3d.build("none", nothing, Rig(())))["frames"] == frames
    assert data_of(scene3d.build("rig", None, ring.rig()))["frames"] == 0


def shown(page, tmp_path, script="", hash_=""):
    """What the page holds after its script ran in a browser, and what the browser said."""
    path = tmp_path / "page.html"
    spy = (  # without a screen there are no frames: a timer gives them
        "<script>window.onerror = m => { document.title = 'broken: ' + m; };"
        "window.requestAnimationFrame = f => setTimeout(() => f(performance.now()), 16);"
        "</script>"
    )
    path.write_text(
        page.replace("<style>", spy + "<style>", 1).replace(
            "</body>", f"<script>{script}</script></body>"
        ),
        encoding="utf-8",
    )
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
        f"--user-data-dir={tmp_path}/profile", "--window-size=900,700",
        "--virtual-time-budget=2500", f"{path.as_uri()}{hash_}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.stdout


browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium to run the script with")


@browser
def test_a_browser_draws_every_keypoint_that_is_known(tmp_path):
    text = shown(scene3d.build("walk", moving(), ring.rig()), tmp_path, hash_="#frame=3")
    assert "<title>walk</title>" in text and 'data-drawn="9"' in text  # one of 10 is missing
    assert "0.30 s · frame 3" in text


@browser
def test_a_browser_plays_steps_turns_and_zooms(tmp_path):
    script = """
      const root = document.querySelector(".scene3d"), canvas = root.querySelector("canvas");
      const key = (k, more) => canvas.dispatchEvent(new KeyboardEvent("keydown",
        Object.assign({ key: k, bubbles: true }, more)));
      const seen = () => root.querySelector("[data-part=time]").textContent;
      const frame = () => new Promise(done => requestAnimationFrame(done));
      const drawn = async () => { await frame(); await frame(); };
      (async () => {
        await drawn();
        key("ArrowRight"); key("ArrowRight", { shiftKey: true });
        await drawn();
        const stepped = seen(), first = canvas.toDataURL();
        canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -300 }));
        for (const k of "awfuc") key(k);
        await drawn();
        const turned = canvas.toDataURL() !== first;
        key("Home"); key(" ");
        const begun = performance.now();
        while (performance.now() < begun + 1000) await frame();
        document.title = [stepped, turned, seen()].join("|");
      })();
    """
    sd = np.full((30, 2, 5), 3.0)
    text = shown(scene3d.build("walk", moving(sd=sd), ring.rig()), tmp_path, script)
    stepped, turned, played = re.search(r"<title>(.*?)</title>", text)[1].split("|")
    assert stepped == "1.10 s · frame 11" and turned == "true"
    assert 4 <= int(played.split()[-1]) <= 20  # 1 s at 10 frames a second
