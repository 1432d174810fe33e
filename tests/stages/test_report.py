import re

import numpy as np
import pytest

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.labels import Visibility, from_positions
from gambol.core.skeleton import Skeleton
from gambol.io import run as io_run
from gambol.io import store
from gambol.io.project import Project
from gambol.io.video import VideoWriter
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet, default_head
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.pose import calibrate, evaluate
from gambol.stages import report

MOUSE = Skeleton(("nose", "left", "right", "tail"), (3, 0, 0, -1), (-1, 2, 1, -1))
ROWS = 8


def write_run(folder):
    """A finished run with random weights, pictures and errors."""
    rng = np.random.default_rng(0)
    backbone = UNetSpec(depth=2, filters=4)
    spec = ModelSpec(
        backbone=backbone, head=default_head(backbone), channels=1, keypoints=MOUSE.keypoints,
        outputs=(ConfidenceSpec(sigma=5.0),),
    )  # fmt: skip
    truth = rng.uniform(20, 180, (ROWS, 4, 2))
    xy = truth + rng.normal(0, 3, truth.shape)
    seen = np.full((ROWS, 4), Visibility.VISIBLE, np.uint8)
    peak, raw = rng.uniform(0.5, 1, (ROWS, 4)), np.tile(4 * np.eye(2), (ROWS, 4, 1, 1))
    calibration = calibrate.fit(truth, seen, xy, raw, peak, 5.0)
    sure = calibrate.apply(calibration, peak, raw)
    rows = np.arange(ROWS)
    held = io_run.Heldout(
        list(rng.integers(0, 255, (ROWS, 100, 100, 1), np.uint8)),
        np.tile(np.diag([2.0, 2.0, 1.0])[:2], (ROWS, 1, 1)),
        truth, seen, xy, peak, sure.covariance, sure.confidence, sure.presence,
        np.array(["/videos/a.mp4"] * ROWS), rows,
    )  # fmt: skip
    labels = from_positions(
        MOUSE, ("a.mp4",), 0 * rows, rows, truth, nan_means=Visibility.ABSENT
    )
    model = io_run.ModelFile(
        gambol="0", made_from="x", spec=spec, skeleton=MOUSE.to_dict(), scale=0.5, window=64,
        grey=True, body_px=100.0, calibration=calibration.to_dict(),
    )  # fmt: skip
    scores = evaluate.evaluate(labels, xy, sure.confidence).summary()
    store.write_json(
        {**scores, "best_step": 50, "minutes_to_best": 0.4}, folder / "metrics.json"
    )
    store.write_json({"chosen": ["scale 0.5: enough"], "seed": 3}, folder / "provenance.json")
    store.write_text("sigma: 5.0\n", folder / "config.yaml")
    line = {"step": 50, "minutes": 0.4, "loss": 0.2, "val_px": 3.0, "val_median_px": 2.0}
    io_run.append_log(line, folder)
    io_run.write_split([("train", "/videos/a.mp4", 99, "animal")], folder)
    io_run.write_weights(PoseNet(spec).state_dict(), folder / "weights.safetensors")
    io_run.write_heldout(held, folder)
    store.write_text(model.model_dump_json(), folder / io_run.MODEL)
    return folder


def write_poses(path, source, frames=30):
    xy = np.tile(np.array([[10.0, 12], [20, 12], [20, 30], [40, 40]]), (frames, 1, 1, 1))
    sure = np.full((frames, 1, 4), 0.9)
    sure[12] = 0.1
    covariance = np.tile(4 * np.eye(2), (frames, 1, 4, 1, 1))
    attrs = {
        "source_file": str(source),
        "calibration": calibrate.prior(4, 5.0).to_dict(),
        "speed": {"fps": 151.2, "decode_share": 0.4, "network_share": 0.5},
    }
    times = np.arange(frames) / 10
    series = poses.build(xy, sure, covariance, times, MOUSE, fps=10.0, attrs=attrs)
    store.write_dataset(series, path)
    return path


@pytest.fixture
def finished(tmp_path):
    return write_run(tmp_path / "first")


@pytest.fixture
def clip(tmp_path):
    with VideoWriter(tmp_path / "clip.mp4", 10.0, (64, 48)) as writer:
        for _ in range(30):
            writer.write(np.full((48, 64, 3), 90, np.uint8))
    return tmp_path / "clip.mp4"


def test_the_page_of_a_run_says_what_its_files_say(finished):
    path = report.run(finished)
    assert path == finished / "report.html"
    text = path.read_text(encoding="utf-8")
    metrics = store.read_json(finished / "metrics.json")
    low, high = metrics["intervals"]["mean_px"]
    assert f"<b>{metrics['mean_px']:.2f} px</b>" in text
    assert f"mean error, {low:.2f} to {high:.2f} px" in text
    assert "sigma: 5.0" in text and "scale 0.5" in text and "a.mp4, frame" in text
    assert not re.search(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//""", text)
    assert text.count("data:image/jpeg") == ROWS


def test_the_share_in_regions_is_counted_on_the_validation_labels(finished):
    held = io_run.read_heldout(finished)
    model = io_run.load(finished).model
    learned = calibrate.Calibration.from_dict(model.calibration)
    error = held.xy - held.truth
    squared = np.einsum("nji,njik,njk->nj", error, np.linalg.inv(held.cov), error)
    share = (np.sqrt(squared) <= calibrate.region_radius(learned, 0.9)).mean()
    assert f"<b>{100 * share:.0f}\u00a0%</b><span>of the labels lie" in (
        report.run(finished).read_text(encoding="utf-8")
    )


def test_predicted_videos_are_shown_with_frames_and_speed(finished, clip, tmp_path):
    steps = []
    made = report.run(
        finished,
        tmp_path / "page.html",
        poses=[write_poses(tmp_path / "clip.nc", clip)],
        progress=steps.append,
    )
    text = made.read_text(encoding="utf-8")
    assert "On video: clip" in text and "151 frames per second" in text
    assert "least confident: frame 12, mean confidence 0.10" in text
    assert text.count("data:image/jpeg") == ROWS + 6
    assert [(s.done, s.total, s.item) for s in steps] == [(1, 1, "clip.nc")]


def test_a_video_that_is_gone_costs_the_pictures_and_not_the_page(finished, tmp_path):
    path = write_poses(tmp_path / "clip.nc", tmp_path / "gone.mp4")
    text = report.run(finished, poses=[path]).read_text(encoding="utf-8")
    assert "No pictures: " in text and "gone.mp4 is not there" in text


def test_scores_against_the_truth_have_their_section(finished):
    truth = {"mean_px": 1.234, "n": 77, "intervals": {"mean_px": [1.0, 1.5]}, "coverage90": 0.9}
    text = report.run(finished, truth=truth).read_text(encoding="utf-8")
    assert "77 visible keypoints" in text and "1.23 px (95 % interval 1.00 to 1.50)" in text


def test_a_project_lists_its_runs(tmp_path):
    folder = tmp_path / "mice"
    Project.create(folder, MOUSE).close()
    write_run(folder / "runs" / "one")
    write_run(folder / "runs" / "two")
    (folder / "runs" / "unfinished").mkdir()
    report.run(folder / "runs" / "two")
    text = report.run(folder).read_text(encoding="utf-8")
    assert re.findall(r'href="([^"]*)"', text) == ["runs/one", "runs/two/report.html"]
    metrics = store.read_json(folder / "runs" / "one" / "metrics.json")
    assert f"<td>{metrics['mean_px']:.2f}</td>" in text


def test_a_page_on_another_drive_is_linked_whole(tmp_path, monkeypatch):
    def other_drive(*_args):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(report.os.path, "relpath", other_drive)
    page = tmp_path / "a b.html"
    assert report._link(page, tmp_path) == page.resolve().as_uri()


def test_what_is_no_run_is_refused_in_one_sentence(finished, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        report.run(tmp_path / "no")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is no training run"):
        report.run(tmp_path / "empty")
    with pytest.raises(InputError, match="is a folder; give --out"):
        report.run(finished, tmp_path / "empty")
