import numpy as np
import pytest

from gambol.core.instances import UNTRACKED
from gambol.kernels.kalman import Dynamics
from gambol.tracking import life
from gambol.tracking.life import ACTIVE, ENDED, LOST, TENTATIVE, Rules

RULES = Rules(3, 2.0, 10.0, 2, True, 1e4, Dynamics(10.0, 10.0, 1.0), (0.0, 0.0))


def tracks(**columns):
    """Tracks at the origin, all alike but for what is said."""
    n = len(next(iter(columns.values())))
    empty = life.nobody(1, 2, 0)
    filled = {
        name: np.zeros((n, *part.shape[1:]), part.dtype)
        for name, part in empty._asdict().items()
    }
    filled |= {"number": np.arange(n), "name": np.full(n, UNTRACKED), "score": np.full(n, 0.9)}
    filled |= {"cov": np.tile(np.eye(4), (n, 1, 1)), "seen": np.ones(n, dtype=int)}
    filled |= {name: np.asarray(value) for name, value in columns.items()}
    return life.Alive(**filled)


def lived(pattern, rules=RULES):
    """Phases of one track over frames in which it was seen (1) or not (0), until it is gone."""
    alive, phases = tracks(phase=[TENTATIVE], age=[1]), []
    for frame, hit in enumerate(pattern, start=1):
        if hit:
            alive = alive._replace(last_at=np.array([float(frame)]))
        alive = life.grow_older(alive, np.array([bool(hit)]), float(frame), rules)
        if not len(alive.number):
            return [*phases, None]
        phases.append(int(alive.phase[0]))
    return phases


def test_three_hits_of_five_confirm_and_three_misses_end_hope():
    assert lived([1, 1]) == [TENTATIVE, ACTIVE]
    assert lived([0, 1, 0, 1]) == [TENTATIVE, TENTATIVE, TENTATIVE, ACTIVE]
    assert lived([0, 0, 0]) == [TENTATIVE, TENTATIVE, None]


def test_a_nameless_track_is_forgotten_and_a_named_one_kept_while_numbers_count():
    pattern = [1, 1, 0, 0, 0]
    assert lived(pattern) == [TENTATIVE, ACTIVE, LOST, LOST, None]
    named = tracks(phase=[LOST], name=[0], last_at=[0.0])
    assert life.grow_older(named, np.array([False]), 3.0, RULES).phase.tolist() == [ENDED]
    free = RULES._replace(limit=None)
    assert len(life.grow_older(named, np.array([False]), 3.0, free).number) == 0


def test_names_go_to_the_likelier_animals_when_they_are_few():
    alive = tracks(phase=[ACTIVE] * 3, score=[0.5, 0.9, 0.8])
    given = life.give_names(alive, 0, RULES)
    assert given.alive.name.tolist() == [UNTRACKED, 0, 1]
    assert given.used == 2


def comeback(seen=1, phase=LOST, **more):
    """Animals 0 and 1 are lost at (0, 0) and (500, 0); a third track was born at (490, 0)."""
    columns = {
        "phase": [phase, phase, ACTIVE], "name": [0, 1, UNTRACKED], "last": [5, 5, 9],
        "born": [0, 0, 7], "seen": [0, 0, seen], "last_at": [0.2, 0.2, 0.4],
        "born_at": [0.0, 0.0, 0.3],
        "mean": [[0.0] * 4, [500.0, 0, 0, 0], [490.0, 0, 0, 0]],
        "born_xy": [[0.0, 0], [500, 0], [490, 0]],
    }  # fmt: skip
    return tracks(**(columns | more))


def test_the_nearer_free_name_is_taken_and_its_old_track_is_gone():
    given = life.give_names(comeback(phase=ENDED), 2, RULES)
    assert given.alive.name.tolist() == [0, 1]
    assert given.alive.number.tolist() == [0, 2]
    assert given.named.track.tolist() == [2] and given.named.name.tolist() == [1]


def test_a_doubtful_claim_waits_until_hope_ends():
    far = {"born_xy": [[0.0, 0], [500, 0], [250, 900]]}
    assert not len(life.give_names(comeback(**far), 2, RULES).named.track)
    for late in (comeback(phase=ENDED, **far), comeback(seen=0, **far)):
        named = life.give_names(late, 2, RULES).named
        assert len(named.track) == 1 and named.confidence[0] < 0.5
    assert len(life.give_names(comeback(**far), 2, RULES, final=True).named.track) == 1


def test_nobody_takes_the_name_of_one_seen_at_the_same_time():
    beside = comeback(phase=ENDED, born=[0, 0, 4])
    assert not len(life.give_names(beside, 2, RULES).named.track)
    cut = life.begin_again(beside._replace(last=np.array([5, 5, 9])), 2, 9, 50, RULES)
    assert cut.number.tolist() == [0, 1, 50]
    assert cut.born[2] == 9 and cut.phase[2] == TENTATIVE


@pytest.mark.parametrize("exactly", [True, False])
def test_an_animal_that_must_exist_is_seen_first_rather_than_one_again(exactly):
    # a new name is left, and the place speaks against those that were lost
    alive = comeback(phase=ENDED, born_xy=[[0.0, 0], [500, 0], [530, 0]])
    rules = RULES._replace(limit=3, exactly=exactly, arena=1e3)
    given = life.give_names(alive, 2, rules)
    assert (given.named.name.tolist() == [2]) == exactly


def test_without_a_number_everyone_gets_a_name():
    given = life.give_names(tracks(phase=[ACTIVE] * 3), 4, RULES._replace(limit=None))
    assert given.alive.name.tolist() == [4, 5, 6]
    assert given.named.confidence.tolist() == [1.0] * 3
