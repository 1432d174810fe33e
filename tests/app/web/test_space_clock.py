from labelled import MOUSE

from gambol.app.web import space_clock
from gambol.io.project import Project
from gambol.multiview.clocks import Timing


def test_the_last_word_on_a_film_stands_and_undo_takes_it_back(tmp_path):
    lost = Timing(2.5, 1e-4, ((10, 2),), ((4, 1),))
    with Project.create(tmp_path / "p", MOUSE) as project:
        assert space_clock.read(project) == {}
        space_clock.write(project, {1: Timing(3.0), 2: lost}, "offsets", "ann", "one")
        space_clock.write(project, {1: Timing(4.0)}, "offset", "ann", "two")
        again = space_clock.write(project, {1: Timing(4.0)}, "offset", "ann", "two")
        assert space_clock.read(project) == {1: Timing(4.0), 2: lost}
        assert again == project.seq() and project.check() == []
        project.undo()
        assert space_clock.read(project) == {1: Timing(3.0), 2: lost}
        project.undo()
        assert space_clock.read(project) == {}


def test_what_differs_by_less_than_can_be_seen_is_the_same():
    assert space_clock.same(Timing(3.0), Timing(3.0004))
    assert not space_clock.same(Timing(3.0), Timing(3.1))
    assert not space_clock.same(Timing(3.0), Timing(3.0, drops=((1, 1),)))
