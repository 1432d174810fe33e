import json

import numpy as np

from gambol.core import poses as core_poses
from gambol.core.skeleton import Skeleton
from gambol.io import store


def write(path, seed):
    rng = np.random.default_rng(seed)
    xy = 50 + rng.standard_normal((40, 1, 2, 2))
    made = core_poses.build(
        xy, np.ones((40, 1, 2)), np.tile(np.eye(2), (40, 1, 2, 1, 1)), np.arange(40) / 10,
        Skeleton(("nose", "tail")), fps=10.0,
    )  # fmt: skip
    store.write_dataset(made, path)


def test_ensemble_writes_poses_and_says_so(gambol, tmp_path):
    for seed in (0, 1):
        write(tmp_path / f"n{seed}" / "film.nc", seed)
    folders = [str(tmp_path / f"n{seed}") for seed in (0, 1)]
    told = gambol("ensemble", *folders, "--out", str(tmp_path / "out"), "--json")
    assert told.status == 0
    (made,) = json.loads(told.out)["recordings"]
    assert made["frames"] == 40
    assert (tmp_path / "out" / "film.nc").exists()
    again = gambol("ensemble", *folders, "--out", str(tmp_path / "out"))
    assert "there already" in again.out


def test_bad_input_is_one_sentence(gambol, tmp_path):
    told = gambol("ensemble", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"))
    assert told.status == 2
    assert "does not exist; give folders or files of poses" in told.err
    told = gambol("accept", str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "labels"))
    assert told.status == 2
    assert "Traceback" not in told.err
