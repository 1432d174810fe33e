import pytest
from map_worlds import FIT, world

from gambol.stages import map as stage
from gambol.stages.map import MapConfig

MOVIES = dict(label="stay", choice="typical", kinds=("grid",), rows=1, columns=2, size=64,
              before_s=0.1, after_s=0.4)  # fmt: skip


def test_poses_become_a_map_and_movies_of_its_regions(tmp_path):
    world(tmp_path / "poses", recordings=1)
    cfg = MapConfig(**{**FIT, "movies": MOVIES, "stability": dict(splits=0)})
    told = stage.run(cfg, [tmp_path / "poses"], tmp_path / "out", threads=1)
    assert told.regions >= 4 and len(told.movies) >= 4
    assert all((tmp_path / "out" / name).stat().st_size > 500 for name in told.movies)
    assert not any("stay-0" in name for name in told.movies)  # transit is no region
    said = stage.describe(told._asdict())
    assert f"{len(told.movies)} movies" in said and "report.html first" in said
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}
    again = stage.run(cfg, [tmp_path / "poses"], tmp_path / "out", threads=1)
    assert again.movies == told.movies and again.remarks == told.remarks
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}


def test_settings_of_movies_without_effect_are_refused():
    with pytest.raises(ValueError, match=r"movies\.label has no effect"):
        MapConfig(movies=dict(MOVIES, label="syllable"))
    with pytest.raises(ValueError, match=r"movies\.fps has no effect"):
        MapConfig(movies=dict(MOVIES, fps=3.0))
    assert MapConfig(movies=None).movies is None
    assert MapConfig().movies.choice == "typical"
