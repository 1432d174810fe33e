"""Text tables as other programs write them."""

import numpy as np
import pandas as pd
import pytest

from gambol.core.errors import InputError
from gambol.io import syllable_csv


def file(tmp_path, text, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "syllable,x,y\n3,1,2\n-1,1,2\n31,1,2\n",
        "x,y,syllable\n1,2,3\n1,2,\n1,2,31\n",
        "syllable\n3\n\n31\n",
        "syllable\n3\n-1\n31",
        'syllable\n3\n""\n31\n',
        "syllable\r\n3\r\nNA\r\n31\r\n",
        "\ufeffSyllable,x\n3,1\nnan,1\n31,1\n",
        "time;syllable\n0,04;3\n0,08;\n0,12;31\n",
        "time;syllable\n0,04;3,0\n0,08;NA\n0,12;31,0\n",
        "time\tsyllable\n0\t3\n1\t-1\n2\t31\n",
        "time|syllable\n0|3\n1|-1\n2|31\n",
        "time  syllable\n0  3\n1  -1\n2 31\n",
        "syllable, x\n3, 1\n , 1\n31, 1\n",
        "syllable,x\n3.0,1\n-1.0,1\n31.0,1\n",
        'name,"syllable"\n"a,b","3"\n"c",NA\n"d","31"\n',
        "syllable,x\n0,3,1\n1,,1\n2,31,1\n",  # rows begin with numbers that have no header
        "syllable,x,\n3,1,\n-1,1,\n31,1,\n",
        "syllable,x\n3,1,\n-1,1,\n31,1,\n",
        b"syllable,who\n3,M\xe4use\n,b\n31,c\n",
    ],
)
def test_common_layouts_are_read_without_options(tmp_path, text):
    assert syllable_csv.read_labels(file(tmp_path, text), "syllable").tolist() == [3, -1, 31]


def test_the_published_layout_is_read_without_options(tmp_path):
    """Columns that the tutorial's program writes, latent states among them."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        rng.normal(size=(50, 4)), columns=[f"latent_state {i}" for i in range(4)]
    )
    table.insert(0, "heading", rng.normal(size=50))
    table.insert(0, "centroid y", rng.normal(size=50))
    table.insert(0, "centroid x", rng.normal(size=50))
    table.insert(0, "syllable", rng.integers(0, 90, 50))
    path = tmp_path / "22_1.mp4.csv"
    table.to_csv(path, index=False)
    np.testing.assert_array_equal(syllable_csv.read_labels(path, "syllable"), table["syllable"])
    np.testing.assert_allclose(
        syllable_csv.read_centroid(path), table[["centroid x", "centroid y"]], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("syllable,x\n3,1\n31.5,1\n", "a.csv: row 3 has syllable 31.5"),
        ("syllable\n3\n\n31.5\n", "a.csv: row 4 has syllable 31.5"),
        ("syllable\n3\n-2\n", "row 3 has syllable -2"),
        ("syllable\n3\n1e9\n", "row 3 has syllable 1000000000"),
        ("syllable\n3\n70000\n", "row 3 has syllable 70000"),
        ("syllable\n3\n99999999999\n", "row 3 has syllable 99999999999"),
        ("syllable\n3\ninf\n", "row 3 has syllable inf"),
        ("syllable,x\n3,1\nrear,1\n", "row 3 has syllable 'rear', which is no number"),
        ("time;syllable\n0,5;1,5\n", "row 2 has syllable 1.5"),
        ("time;syllable\n0,5;a,5\n", "row 2 has syllable 'a,5'"),
        ("syllable,x\n", "a header but no rows"),
        ("cluster,x\n3,1\n", "has no column 'syllable'; it has cluster, x"),
        ("syllables,x\n3,1\n", "did you mean 'syllables'"),
        ("syllable\n3\n4294967299\n", "row 3 has syllable 4294967299"),
        ('syllable,x\n3,1\n"3,1\n', "no regular table"),
        ("", "is empty"),
        ("syllable\n1\n".encode("utf-16"), "not text in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_said_with_file_and_row(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        syllable_csv.read_labels(file(tmp_path, text), "syllable")


def test_centroids_have_two_names_or_none(tmp_path):
    short = file(tmp_path, "syllable;x;y\n1;2,5;3\n2;;\n")
    np.testing.assert_array_equal(
        syllable_csv.read_centroid(short), np.float32([[2.5, 3], [np.nan, np.nan]])
    )
    assert syllable_csv.read_centroid(file(tmp_path, "syllable,x\n1,2\n")) is None
    assert syllable_csv.read_centroid(file(tmp_path, "syllable\n1\n")) is None


def test_large_labels_need_more_room(tmp_path):
    path = file(tmp_path, "syllable\n40000\n")
    assert syllable_csv.read_labels(path, "syllable").tolist() == [40000]
