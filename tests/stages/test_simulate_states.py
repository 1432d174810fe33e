import numpy as np
import pandas as pd
from state_worlds import WORLD, world

from gambol.io import store
from gambol.stages import simulate_states
from gambol.stages.simulate_states import SimulateConfig


def test_a_world_is_recordings_and_their_truth(tmp_path):
    made = world(tmp_path / "made")
    files = sorted((made / "syllables").iterdir())
    assert [p.name for p in files] == [f"recording_00{r}.csv" for r in range(3)]
    one, true = pd.read_csv(files[0]), pd.read_csv(made / "truth" / files[0].name)
    assert len(one) == len(true) == 2000 and {"syllable", "centroid x"} <= set(one)
    theta = store.read_dataset(made / "truth.nc")["theta"].values
    assert theta.shape == (3, 8, 8)
    y, z = one["syllable"].to_numpy(), true["state"].to_numpy()
    assert theta[z[1:], y[:-1], y[1:]].mean() > theta.mean() * 3
    before = files[0].stat().st_mtime_ns
    simulate_states.run(SimulateConfig(**WORLD), made)
    assert files[0].stat().st_mtime_ns == before
    other = world(tmp_path / "other", seed=1)
    assert (pd.read_csv(other / "syllables" / files[0].name)["syllable"] != y).any()
    assert np.array_equal(
        pd.read_csv(world(tmp_path / "again") / "syllables" / files[0].name)["syllable"], y
    )
