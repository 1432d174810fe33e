import gambol.live
from gambol.stages import live


def test_the_short_name_is_the_stage():
    assert gambol.live.Predictor is live.Predictor
    for name in gambol.live.__all__:
        assert getattr(gambol.live, name) is getattr(live, name)
