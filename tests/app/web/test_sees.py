import numpy as np
from desked import TestClient, studio_of
from labelled import film
from starlette.applications import Starlette

from gambol.app.web import project, sees
from gambol.app.web.answers import HANDLERS
from gambol.core.labels import Labels
from gambol.core.skeleton import Skeleton
from gambol.nn.backbones import backbones
from gambol.nn.field import receptive_field
from gambol.pose.choose import choose

POSE = np.array([[-45, 0], [-15, 5], [15, 0], [45, 10.0]])
SIZE = (1000, 800)
MOUSE = Skeleton(("nose", "neck", "back", "tail"), parent=(-1, 0, 1, 2))


def labels_of(n_animals, n_frames=12):
    """Rigid animals that point anywhere."""
    rng = np.random.default_rng(0)
    n = n_frames * n_animals
    turn = rng.uniform(0, 2 * np.pi, n)
    spin = np.stack([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    xy = np.einsum("abn,kb->nka", spin, POSE) + rng.uniform(150, 650, (n, 1, 2))
    frame = np.repeat(np.arange(n_frames) * 10, n_animals)
    return Labels(
        MOUSE, ("a.mp4",), np.zeros(n, np.int64), frame,
        np.tile(np.arange(n_animals), n_frames), xy, np.full((n, 4), 2, np.uint8),
        np.zeros(n, np.uint8), tuple(f"animal {k}" for k in range(n_animals)),
    )  # fmt: skip


def test_the_field_is_what_a_network_of_that_depth_reacts_to():
    labels = labels_of(1)
    said, choice = sees.of(labels, SIZE), choose(labels.xy, MOUSE, SIZE, [])
    few = choice.backbone.model_copy(update={"filters": 8})  # the field is the same
    net = backbones.build(few, 1)
    net.prepare(4)
    assert said.field_px == receptive_field(net, 1) / choice.scale
    assert said.crop_px is not None and said.crop_px[0] >= 90 and not said.whole
    assert any("scale" in reason for reason in said.reasons)


def test_animals_that_are_looked_at_one_by_one_are_cropped_each():
    said = sees.of(labels_of(3), (4000, 4000))
    assert said.crop_px is None and not said.whole
    assert "top-down" in said.reasons[0]


def test_nothing_labelled_is_said(tmp_path):
    film(tmp_path / "clip.mp4")
    studio = studio_of(tmp_path / "p", place=lambda file: tmp_path / file)
    studio.folder.mkdir()
    routes = [r for module in (project, sees) for r in module.routes(studio)]
    client = TestClient(Starlette(routes=routes, exception_handlers=HANDLERS))
    client.post("/api/project", json={"keypoints": ["nose", "tail"]})
    client.post("/api/videos", json={"file": "clip.mp4"})
    answer = client.get("/api/sees")
    assert answer.status_code == 409 and "labelled" in answer.json()["message"]
    studio.desk.close()
