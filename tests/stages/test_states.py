from state_worlds import FIT, world

from gambol.stages import states
from gambol.stages.states import StatesConfig

CFG = StatesConfig.from_values(
    {
        "fps": 20.0, "iterations": 20, "lags": FIT["lags"],
        "scan": {
            "kappas": [50.0, 500.0], "states": [2, 3], "seeds": 2, "iterations": 20,
            "keep_every": 2, "init_window_s": 3.0,
        },
    },
    "states.yaml",
)  # fmt: skip


def test_one_command_goes_from_syllables_to_states(tmp_path):
    made = world(tmp_path / "made", recordings=4, frames=2500)
    told = states.run(CFG, [made / "syllables"], tmp_path / "out", threads=1)
    assert told.n_states in (2, 3) and told.movies == () and told.median_s > 1
    for page in ("memory", "scan", "fit"):
        assert (tmp_path / "out" / page / "report.html").exists()
    assert states.run(CFG, [made / "syllables"], tmp_path / "out", threads=1) == told
