"""The strip of P(label): means by pixel of what the model wrote, after people's decisions."""

import numpy as np
import pytest
import xarray as xr

from gambol.app.web.behavior_book import Book
from gambol.app.web.behavior_chances import ROWS, strip
from gambol.app.web.behavior_runs import Finder
from gambol.io import store
from gambol.stages import label_map
from gambol.stages.label_map import LabelMapConfig

T, N = 3000, 10


def book(folder, kind="syllables", name="syllable", chance=None, t=T):
    rng = np.random.default_rng(0)
    label = np.repeat(rng.integers(0, N, t // 10), 10).astype(np.int16)
    if chance is None:
        chance = rng.dirichlet(np.full(N, 0.2), t) + 3 * np.eye(N)[label]
        chance /= chance.sum(axis=1, keepdims=True)
    made = xr.Dataset(
        {name: ("time", label), "probability": (("time", "n"), chance.astype(np.float16))},
        attrs={"fps": 30.0},
    )
    store.write_dataset(made, folder / kind / "one.nc")
    (found,) = Finder(folder).runs()
    return Book(found), chance.astype(np.float16).astype(np.float64)


@pytest.mark.parametrize(("kind", "name"), [("syllables", "syllable"), ("states", "state")])
@pytest.mark.parametrize(("first", "last", "px"), [(0, T - 1, 37), (100, 130, 800)])
def test_each_pixel_is_the_mean_of_its_frames(tmp_path, kind, name, first, last, px):
    held, chance = book(tmp_path, kind, name)
    said = strip(held, 0, first, last, px)
    part = chance[first : last + 1]
    assert said.labels == sorted(np.argsort(-part.mean(axis=0))[:ROWS].tolist())
    edges = len(part) * np.arange(min(px, len(part)) + 1) // min(px, len(part))
    slow = [part[a:b].mean(axis=0) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    for k, row in zip(said.labels, said.percent, strict=True):
        assert np.abs(np.array(row) - 100 * np.array(slow)[:, k]).max() <= 0.5 + 1e-6


def test_merged_labels_add_up_and_excluded_ones_are_left_out(tmp_path):
    held, chance = book(tmp_path)
    top = strip(held, 0, 0, T - 1, 1).labels
    cfg = LabelMapConfig(author="ann", label="syllable")
    label_map.run(cfg, tmp_path, "merge", [str(top[0]), str(top[1])])
    label_map.run(cfg, tmp_path, "exclude", [str(top[2])])
    (found,) = Finder(tmp_path).runs()
    said = strip(Book(found), 0, 0, T - 1, 1)
    assert top[1] not in said.labels and top[2] not in said.labels
    both = 100 * chance[:, top[:2]].sum(axis=1).mean()
    assert said.percent[said.labels.index(top[0])][0] == pytest.approx(both, abs=0.51)


def test_what_has_no_probabilities_has_no_strip(tmp_path):
    made = xr.Dataset({"state": ("time", np.zeros(100, np.int16))}, attrs={"fps": 30.0})
    store.write_dataset(made, tmp_path / "states" / "one.nc")
    (found,) = Finder(tmp_path).runs()
    assert strip(Book(found), 0, 0, 99, 10).labels == []


def test_long_stretches_are_read_in_blocks(tmp_path, monkeypatch):
    from gambol.app.web import behavior_chances

    held, _ = book(tmp_path)
    whole = strip(held, 0, 7, T - 20, 113)
    monkeypatch.setattr(behavior_chances, "_BLOCK", 256)
    assert strip(held, 0, 7, T - 20, 113) == whole
