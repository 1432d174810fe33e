import threading

import pytest

from gambol.app import gpus
from gambol.app.gpus import Pool


def test_those_that_a_scheduler_gave_are_ours(monkeypatch):
    monkeypatch.setenv(gpus.VISIBLE, "4, 7")
    assert gpus.here() == ["4", "7"]
    monkeypatch.setenv(gpus.VISIBLE, "")
    assert gpus.here() == []


@pytest.mark.parametrize("there", [0, 3])
def test_without_a_scheduler_all_are_ours(there, monkeypatch):
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: there)
    assert gpus.here() == [str(number) for number in range(there)]


def test_nobody_gets_one_that_another_has():
    pool, held, worst, lock = Pool("abc"), set(), [], threading.Lock()

    def work(count):
        for _ in range(50):
            with pool.taken(count) as mine:
                with lock:
                    worst.append(len(held & set(mine)) + (len(mine) - count))
                    held.update(mine)
                with lock:
                    held.difference_update(mine)

    threads = [threading.Thread(target=work, args=[count]) for count in (1, 2, 3, 1, 2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert len(worst) == 250 and set(worst) == {0}
    with pool.taken(3) as mine:
        assert sorted(mine) == ["a", "b", "c"]


def test_one_that_fails_gives_its_back():
    pool = Pool("a")
    with pytest.raises(ValueError, match="oh"), pool.taken(1):
        raise ValueError("oh")
    with pool.taken(1) as mine:
        assert mine == ["a"]
