"""Who decided about labels: found in all runs, renamed, and nothing else changes."""

import pytest

from gambol.app.web.behavior_names import Deciders
from gambol.app.web.behavior_runs import Found
from gambol.behavior import label_undo
from gambol.core.label_map import Decision, LabelMap
from gambol.io import label_map as io_map


class Runs:
    """Stands for a finder."""

    def __init__(self, folders):
        self.folders = folders

    def runs(self, *, now=False):
        return [Found(one.name, one, "map", (), ()) for one in self.folders]


@pytest.fixture
def folders(tmp_path):
    folders = [tmp_path / name for name in ("one", "two", "none", "damaged")]
    for folder in folders:
        folder.mkdir()
    held = LabelMap(3, "m")
    for n, author in enumerate(("guest 2", "Zoe", "guest 2")):
        held = held._replace(
            decisions=(*held.decisions, Decision("rename", (n,), f"n{n}", author=author)),
            end=n + 1,
        )
    io_map.edit(io_map.beside(folders[0]), lambda _: held)
    zoe = held._replace(decisions=held.decisions[1:2], end=1)
    io_map.edit(io_map.beside(folders[1]), lambda _: zoe)
    io_map.beside(folders[3]).write_text("{")
    return folders


def test_decisions_of_a_guest_become_those_of_a_name_and_can_be_undone(folders):
    deciders = Deciders(Runs(folders))
    first, second = (io_map.beside(folder) for folder in folders[:2])
    was, untouched = io_map.read(first), second.read_bytes()
    assert deciders.has("guest 2") and deciders.has("Zoe") and not deciders.has("Mei")
    assert deciders.rename("guest 2", "Mei") == 2
    now = io_map.read(first)
    assert [one.author for one in now.decisions] == ["Mei", "Zoe", "Mei"]
    assert now.end == was.end and [one._replace(author="") for one in now.decisions] == [
        one._replace(author="") for one in was.decisions
    ]
    assert label_undo.undoable(now, "Mei") and not label_undo.undoable(now, "guest 2")
    assert second.read_bytes() == untouched and not io_map.beside(folders[2]).exists()
    assert not deciders.has("guest 2") and deciders.has("Mei")
    assert deciders.rename("guest 2", "Mei") == 0
