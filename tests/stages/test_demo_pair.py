"""The two-animal part of the demo, with a budget of a few steps."""

import pytest

from gambol.pose.train import FitConfig
from gambol.stages import demo, demo_pair
from gambol.stages.demo_pair import PairConfig

# the shape checker of the tests looks at tensors while openvino traces the network
pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")


class Tiny(PairConfig):
    """Two steps on a second of film."""

    def training(self):
        settings = super().training()
        return settings.model_copy(update={"fit": FitConfig(steps=2, batch=2)})


def test_it_ends_with_files_scores_and_a_page(tmp_path):
    cfg = Tiny(seconds=1.0, labelled=12, minutes=1.0, seed=0)
    made = demo_pair.run(cfg, tmp_path, threads=1)
    for path in ("tracks/sim-1.nc", "tracks/sim-1.review.json", "films/sim-1.mp4"):
        assert (tmp_path / "pair" / path).stat().st_size
    assert (tmp_path / demo_pair.PAGE).stat().st_size and made.report.endswith(demo_pair.PAGE)
    assert made.oks_map is None or 0 <= made.oks_map <= 1
    assert "two mice" in demo_pair.describe(made._asdict()).lower()
    written = (tmp_path / "pair" / "tracks" / "sim-1.nc").stat().st_mtime_ns
    assert (
        demo_pair.run(cfg, tmp_path, threads=1)._replace(predict_fps=made.predict_fps) == made
    )
    assert (tmp_path / "pair" / "tracks" / "sim-1.nc").stat().st_mtime_ns == written


def test_the_page_about_one_mouse_leads_to_the_one_about_two(tmp_path):
    page = tmp_path / "report.html"
    page.write_text("<main><p>one</p></main>")
    pair = demo_pair.Pair("x", 0.5, 0.75, 0.6, None, 2, 3, 80.0)
    demo._add(page, demo._pair(pair))
    text = page.read_text()
    assert text.startswith("<main><p>one</p>") and text.endswith("</main>")
    assert f'href="{demo_pair.PAGE}"' in text and "0.75" in text and "–" in text
