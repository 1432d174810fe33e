"""The demo from the first film to the page, with budgets of a few steps."""

import pytest

from gambol.nn.backbones.unet import UNetSpec
from gambol.pose.train import FitConfig
from gambol.simulate.world import SimulateConfig
from gambol.stages import demo, demo_pair, simulate, train

# the shape checker of the tests looks at tensors while openvino traces the network
pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")


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
    said = []
    made = demo.run(Tiny(), tmp_path, threads=1, say=said.append)
    assert [line[:3] for line in said if line[1:3] == "/6"] == [f"{k}/6" for k in range(1, 7)]
    page = (tmp_path / "report.html").read_text()
    assert page.count("Two animals") == 1 and demo_pair.PAGE in page
    assert made.pair["idf1"] == 0.75 and (tmp_path / "demo.json").exists()
    assert "IDF1 0.750" in demo.describe(made._asdict())


@pytest.mark.parametrize(("quick", "minutes"), [(True, 0.15), (False, 0.9)])
def test_the_part_about_two_animals_has_a_small_budget(quick, minutes):
    cfg = demo.DemoConfig(quick=quick).pair()
    assert cfg.training().fit.minutes == minutes and cfg.film(0).world.animals == 2
