"""The demo from the first film to the page, with budgets of a few steps."""

import pytest

from gambol.core.errors import InputError
from gambol.nn.backbones.unet import UNetSpec
from gambol.pose.train import FitConfig
from gambol.simulate.world import SimulateConfig
from gambol.stages import demo, demo_pair, demo_views, simulate, train

# the shape checker of the tests looks at tensors while openvino traces the network
pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")


VIEWS = demo_views.Views(0.2, 3.0, "gimbal", 1.06, 0.9, 3.4, 0.94, demo_views.PAGE)


class Tiny(demo.DemoConfig):
    """Two seconds of a small film, two steps of training."""

    def film(self, seed):
        world = SimulateConfig(width=160, height=120, body_length=45, seconds=2.0, seed=seed)
        return simulate.FilmConfig(world=world, labelled=20, keypoints=demo.KEYPOINTS)

    def training(self):
        loop = FitConfig(steps=2, batch=2)
        return train.TrainConfig(backbone=UNetSpec(depth=2, filters=8), scale=0.5, fit=loop)


def test_it_ends_with_scores_of_one_mouse_and_of_two_and_a_page(tmp_path, monkeypatch):
    pair = demo_pair.Pair("two", 0.5, 0.75, 0.6, 0.7, 2, 3, 80.0)
    monkeypatch.setattr(demo_pair, "run", lambda *args, **more: pair)
    monkeypatch.setattr(demo_views, "run", lambda *args, **more: VIEWS)
    said = []
    made = demo.run(Tiny(), tmp_path, threads=1, say=said.append)
    assert [line[:3] for line in said if line[1:3] == "/7"] == [f"{k}/7" for k in range(1, 8)]
    page = (tmp_path / "report.html").read_text()
    assert page.count("Two animals") == 1 and demo_pair.PAGE in page
    assert page.index("Two animals") < page.index("Where this came from")
    assert page.count("In space") == 1 and demo_views.PAGE in page and "1.06 mm" in page
    assert made.pair["idf1"] == 0.75 and (tmp_path / "demo.json").exists()
    assert "IDF1 0.750" in demo.describe(made._asdict())


@pytest.mark.parametrize(("quick", "minutes"), [(True, 0.15), (False, 0.9)])
def test_the_part_about_two_animals_has_a_small_budget(quick, minutes):
    cfg = demo.DemoConfig(quick=quick).pair()
    assert cfg.training().fit.minutes == minutes and cfg.film(0).world.animals == 2


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match="not empty and holds no demo"):
        demo.run(Tiny(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_demo_with_other_settings_is_kept_and_the_same_goes_on(tmp_path):
    demo._begin(demo.DemoConfig(quick=True), tmp_path)
    demo._begin(demo.DemoConfig(quick=True), tmp_path)
    with pytest.raises(InputError, match="quick=True and seed=0; delete it or choose"):
        demo._begin(demo.DemoConfig(), tmp_path)


def test_too_little_training_is_said():
    pair = demo_pair.Pair("two", 0.5, 0.75, 0.6, 0.7, 1, 1, 80.0)
    made = demo.Demo(
        "page", 80.0, 50.0, 90.0, 0.9, 60.0, 26, 50.0, pair._asdict(), VIEWS._asdict()
    )
    told = demo.describe(made._asdict())
    assert "Only 26 steps" in told and "1 identity switch, 1 event to review" in told
    assert "Only" not in demo.describe(made._replace(steps=900)._asdict())
