import numpy as np
import pytest

from gambol.behavior import regions
from gambol.core.errors import InputError
from gambol.stages import map_animals
from gambol.stages.map_animals import Animals, GroupSettings


def written(folder, *rows):
    path = folder / "animals.csv"
    path.write_text("\n".join(["recording,animal,group", *rows]) + "\n")
    return path


def test_without_a_table_each_recording_is_an_animal():
    found = map_animals.read(None, "group", ["b", "a"])
    assert found.of == ("b", "a") and found.names == ["a", "b"] and found.groups is None


def test_several_recordings_are_of_one_animal(tmp_path):
    path = written(tmp_path, "r1,mia,wild", "r2,tom,knockout", "r3,mia,wild", "r4,zoe,wild")
    found = map_animals.read(path, "group", ["r1", "r2", "r3"])
    assert found.of == ("mia", "tom", "mia")
    assert found.names == ["mia", "tom"] and found.groups == ["wild", "knockout"]


def test_tables_that_do_not_fit_are_refused(tmp_path):
    path = written(tmp_path, "day 1,mia,wild", "day 2,mia,knockout")
    with pytest.raises(InputError, match="no row for the recording 'day1'.*'day 1'"):
        map_animals.read(path, "group", ["day1"])
    with pytest.raises(InputError, match="'mia' is in knockout and wild"):
        map_animals.read(path, "group", ["day 1", "day 2"])
    with pytest.raises(InputError, match="no column 'sex'"):
        map_animals.read(path, "sex", ["day 1"])


def test_the_group_that_visits_a_hill_more_is_found_there():
    rng = np.random.default_rng(0)
    places = [np.array([-1.0, 0.0]), np.array([1.0, 0.0])]
    share = [0.8, 0.82, 0.78, 0.81, 0.3, 0.32, 0.28, 0.31]
    y = tuple(
        np.where(rng.random((800, 1)) < p, *places) + 0.1 * rng.normal(size=(800, 2))
        for p in share
    )
    settings = regions.RegionSettings(width=0.06, grid=151)
    density = regions.density(np.concatenate(y), settings=settings)
    hills = regions.regions(density, settings)
    names = tuple("abcdefgh")
    group = {name: "one" if k < 4 else "two" for k, name in enumerate(names)}
    found, said = map_animals.differences(
        GroupSettings(), Animals(names, group), y, density, settings
    )
    assert said == [] and len(found) == 1 and found[0].exact
    table = map_animals.table(found, hills).set_index("region")
    left = int(hills.of(places[0][None])[0])
    assert table.loc[left, "difference"] == pytest.approx(0.5, abs=0.05)
    assert table["difference"].sum() == pytest.approx(0, abs=0.01)
    assert table.loc[left, "smallest_p"] == pytest.approx(2 / 70)  # of 8 choose 4, both sides
    assert "differ where it is outlined" in map_animals.said(found[0])
    one = Animals(names, {name: name for name in names})
    assert (
        "there are no two groups"
        in map_animals.differences(GroupSettings(), one, y, density, settings)[1][-1]
    )
