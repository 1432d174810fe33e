import numpy as np

from gambol.behavior.features import Features
from gambol.io import poses as io_poses
from gambol.io import store
from gambol.simulate import behaviors, faults
from gambol.stages import features


def test_features_have_names_units_and_parts(tmp_path):
    rng = np.random.default_rng(0)
    made = faults.track(rng, behaviors.perform(rng, 900, fps=30.0), faults.Faults())
    path = tmp_path / "mouse.nc"
    store.write_dataset(made.poses, path)
    names = [str(name) for name in io_poses.read(path)["keypoints"].values]
    cfg = Features(anterior=(names[0],), posterior=(names[-1],), families=("kinematics",))
    told = features.run(cfg, [path], tmp_path / "out")
    made = store.read_dataset(told.files[0])["feature_values"]
    assert made.dims == ("individuals", "time", "feature") and made.sizes["time"] == 900
    assert {"unit", "part"} <= set(made.coords) and told.features == made.sizes["feature"]
    assert np.isfinite(made.values).mean() > 0.5
