import pytest

from gambol.core.errors import InputError
from gambol.io.calibration import markup

TEXT = """<?xml version="1.0" encoding="{}"?>
<!-- by hand -->
<Rig who="Zoë"><One at="1 2"/></Rig>"""


@pytest.mark.parametrize(
    "data",
    [
        TEXT.format("UTF-8").encode(),
        TEXT.format("UTF-8").encode("utf-8-sig"),
        TEXT.format("UTF-16").encode("utf-16"),
        TEXT.format("UTF-16LE").encode("utf-16-le"),
        TEXT.format("UTF-8").encode("latin-1"),  # says one thing and is another
        TEXT.format("UTF-16LE").encode(),
    ],
)
def test_every_encoding_is_read(tmp_path, data):
    (tmp_path / "a.xml").write_bytes(data)
    assert markup.opening(data[:1024]) == "Rig"
    root = markup.read(tmp_path / "a.xml")
    assert root.get("who") == "Zoë"
    assert markup.row(root.find("One"), "at", "it", 2).tolist() == [1, 2]


@pytest.mark.parametrize("data", [b"a: 1", b"<", b"<?xml", b"\x93NUMPY", b"\x00\x01"])
def test_what_is_no_markup_has_no_outer_element(data):
    assert markup.opening(data) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<a><b></a>", "no complete XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        ("\0", "no complete XML"),
    ],
)
def test_broken_files_are_named_in_one_sentence(tmp_path, text, why):
    path = tmp_path / "a.xml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=why) as error:
        markup.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
