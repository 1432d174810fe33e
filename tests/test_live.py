import gambol.live
from gambol.stages import live, live_many


def test_the_short_names_are_those_of_the_stages():
    assert gambol.live.Predictor is live.Predictor
    assert gambol.live.ManyPredictor is live_many.ManyPredictor
    for name in gambol.live.__all__:
        stage = live_many if name in ("Animals", "ManyPredictor") else live
        assert getattr(gambol.live, name) is getattr(stage, name)
