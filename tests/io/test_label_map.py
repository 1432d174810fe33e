"""Label maps on disk: equal when read again, and safe with two writers."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gambol.core.errors import InputError
from gambol.core.label_map import Decision, LabelMap
from gambol.io import label_map as io_map
from gambol.io import store

MAP = LabelMap(
    5,
    "fit-syllables 1234",
    (
        Decision("rename", (3,), "rear · hoch", author="ann", time="2026-01-02T03:04:05Z"),
        Decision("split", (3,), "", "day 1", 10, 20, "ben", "2026-01-02T03:05:05Z"),
        Decision("merge", (3, 4, 1)),
    ),
    2,
)


ADD = """
import sys
from pathlib import Path
from gambol.core.label_map import Decision, LabelMap
from gambol.io import label_map as io_map

path, author, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for n in range(count):

    def change(now):
        held = now or LabelMap(5)
        one = Decision("note", (0,), f"{author} {n}", author=author)
        return held._replace(decisions=(*held.decisions, one), end=held.end + 1)

    io_map.edit(path, change)
"""


def _add(path: Path, author: str, count: int) -> None:
    given = [str(path), author, str(count)]
    subprocess.run([sys.executable, "-c", ADD, *given], check=True)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run" / io_map.NAME
    assert io_map.read(path) is None
    io_map.write(MAP, path, None)
    assert io_map.read(path) == MAP


def test_two_programs_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / io_map.NAME
    writers = [threading.Thread(target=_add, args=(path, name, 15)) for name in ("ann", "ben")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    held = io_map.read(path)
    assert held is not None
    for name in ("ann", "ben"):
        own = [d.value for d in held.decisions if d.author == name]
        assert own == [f"{name} {n}" for n in range(15)]


def test_writing_over_what_was_not_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / io_map.NAME
    io_map.write(MAP, path, None)
    newer = MAP._replace(end=3)
    with pytest.raises(InputError, match="changed by somebody else"):
        io_map.write(newer, path, MAP._replace(end=1))
    assert io_map.read(path) == MAP
    io_map.write(newer, path, MAP)
    assert io_map.read(path) == newer


def test_a_writer_that_waits_in_vain_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(io_map, "PATIENCE_S", 0.05)
    path = tmp_path / io_map.NAME

    def within(_: LabelMap | None) -> LabelMap:
        with pytest.raises(InputError, match="another program"):
            io_map.write(MAP, path, None)
        return MAP

    assert io_map.edit(path, within) == MAP


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 9}, "format 9"),
        ({"end": 7}, "end is 7"),
        ({"decisions": [{"kind": "renam", "labels": [0]}]}, "rename"),
        ({"decisions": [{"kind": "note", "labels": [0], "text": "x"}]}, "'text'"),
        ({"decisions": [{"labels": [0]}]}, "no label map"),
    ],
)
def test_a_file_that_is_none_is_refused(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    path = tmp_path / io_map.NAME
    io_map.write(MAP, path, None)
    store.write_json({**store.read_json(path), **change}, path)
    with pytest.raises(InputError, match=said):
        io_map.read(path)


def test_a_map_lies_beside_the_labels(tmp_path: Path) -> None:
    (tmp_path / "syllables").mkdir()
    want = tmp_path / io_map.NAME
    assert io_map.beside(tmp_path) == io_map.beside(tmp_path / "syllables") == want
    assert io_map.beside(tmp_path / "syllables" / "a.nc") == want
