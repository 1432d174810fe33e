"""An archive of a stranger writes nothing outside, and nothing beyond its room."""

import stat
import zipfile

import pytest

from gambol.app.web import packed
from gambol.core.errors import InputError


def pack(path, *entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def everything(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_useful_files_are_unpacked_and_others_left(tmp_path):
    kept = {"p/config.yaml": b"a", "p/labeled-data/x/img1.PNG": b"b", "p/t.csv": b"c"}
    rest = ["p/model.pt", "p/evil.py", "p/x.pickle", "__MACOSX/p/t.csv", "p/.hidden.csv", "p/n"]
    path = pack(tmp_path / "a.zip", *kept.items(), *((name, b"x") for name in rest))
    made = packed.unpack(path, tmp_path / "out")
    assert everything(tmp_path / "out") == set(kept)
    assert {p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in made} == kept


@pytest.mark.parametrize(
    "name",
    ["../out.csv", "a/../../out.csv", "/etc/x.csv", "C:/x.csv", "..\\out.csv", "a//b.csv",
     "./a.csv"],
)  # fmt: skip
def test_no_name_leads_out(tmp_path, name):
    path = pack(tmp_path / "a.zip", ("good.csv", b"x"), (name, b"harm"))
    before = everything(tmp_path)
    with pytest.raises(InputError, match="leads out"):
        packed.unpack(path, tmp_path / "in" / "out")
    assert everything(tmp_path) == before


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path, kind):
    entry = zipfile.ZipInfo("link.csv")
    entry.external_attr = (kind | 0o777) << 16
    path = pack(tmp_path / "a.zip", (entry, b"/etc/passwd"))
    with pytest.raises(InputError, match="is a link"):
        packed.unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_unfolds_beyond_its_room_is_refused(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.zip", ("zeros.csv", bytes(1 << 22)))
    assert path.stat().st_size < 1 << 14
    monkeypatch.setattr(packed, "LARGEST", 1 << 20)
    with pytest.raises(InputError, match="more than the"):
        packed.unpack(path, tmp_path / "out")


def test_a_size_that_lies_is_no_way_around(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.zip", ("zeros.csv", bytes(1 << 22)))
    small = zipfile.ZipFile.infolist

    def lying(archive):
        entries = small(archive)
        return [e for e in entries if not setattr(e, "file_size", 10)]

    monkeypatch.setattr(zipfile.ZipFile, "infolist", lying)
    monkeypatch.setattr(packed, "LARGEST", 1 << 20)
    with pytest.raises(InputError):
        packed.unpack(path, tmp_path / "out")
    assert (
        sum(p.stat().st_size for p in (tmp_path / "out").rglob("*") if p.is_file()) <= 1 << 20
    )


def test_names_that_windows_takes_for_one_are_refused(tmp_path):
    path = pack(tmp_path / "a.zip", ("a.csv", b"1"), ("A.csv", b"2"))
    with pytest.raises(InputError, match="twice"):
        packed.unpack(path, tmp_path / "out")


def test_damaged_archives_are_one_sentence(tmp_path):
    path = pack(tmp_path / "a.zip", ("a.csv", b"one two three" * 100))
    data = bytearray(path.read_bytes())
    data[40:50] = b"x" * 10
    for wrong in (b"no archive", bytes(data)):
        path.write_bytes(wrong)
        with pytest.raises(InputError, match=r"a\.zip"):
            packed.unpack(path, tmp_path / f"out{len(wrong)}")


def test_one_thing_to_import_is_found_or_the_choice_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no labels"):
        packed.labels_in(tmp_path, tmp_path / "a.zip")
    for name in ("one", "two"):
        (tmp_path / name / "labeled-data").mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text("bodyparts: [a]")
        if name == "one":
            assert packed.labels_in(tmp_path, tmp_path / "a.zip") == tmp_path / "one"
    with pytest.raises(InputError, match="several: one, two"):
        packed.labels_in(tmp_path, tmp_path / "a.zip")
