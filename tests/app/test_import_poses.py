import numpy as np


def test_names_come_from_a_file_and_bad_input_ends_with_one_sentence(gambol, tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(30, 2, 3)))
    (tmp_path / "names.txt").write_text("nose\ntail\n")
    words = ["import-poses", tmp_path / "a.npy", "--out", tmp_path / "out"]
    told = gambol(*words)
    assert told.status == 2 and "--keypoints" in told.err and told.err.count("\n") == 1
    told = gambol(*words, "--keypoints", tmp_path / "names.txt", "--fps", 0)
    assert told.status == 2 and "fps" in told.err
    assert not (tmp_path / "out").exists()
    told = gambol(*words, "--keypoints", tmp_path / "names.txt", "--fps", 20, "--unit", "mm")
    assert told.status == 0 and "keypoints: nose, tail" in told.out
    told = gambol("clean", tmp_path / "out/a.nc", "--out", tmp_path / "cleaned")
    assert told.status == 0, told.err
