import pytest

from gambol.core.errors import InputError
from gambol.stages import animals


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_any_usual_sign_separates_columns(tmp_path, sign):
    path = tmp_path / "a.csv"
    path.write_text(f"recording{sign}animal{sign}sex\nday1{sign}007{sign}f\n")
    assert animals.read(path, "sex").iloc[0].tolist() == ["day1", "007", "f"]


@pytest.mark.parametrize("lost", ["recording", "animal", "sex"])
def test_a_column_that_lacks_is_named_with_what_may_be_meant(tmp_path, lost):
    path = tmp_path / "a.csv"
    path.write_text("recording,animal,sex\nday1,m,f\n".replace(lost, lost + "s"))
    with pytest.raises(InputError, match=f"a.csv has no column '{lost}'.*{lost}s"):
        animals.read(path, "sex")


def test_only_an_empty_cell_is_missing(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("recording,animal,group\nday1,NA,null\nday2,nan,\n")
    table = animals.read(path, "group")
    assert table["animal"].tolist() == ["NA", "nan"]
    assert table["group"].isna().tolist() == [False, True] and table["group"][0] == "null"
