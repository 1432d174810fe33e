"""A classifier asks recordings one at a time."""

import pytest
from classified import QUICK, world

from gambol.behavior.classifier import BehaviorClassifier
from gambol.core.errors import InputError
from gambol.core.progress import silent
from gambol.io import store
from gambol.stages import classifier_files


def test_a_recording_is_read_when_its_turn_comes_by_name(tmp_path, monkeypatch):
    arrays, told = world(3, ("rear",))
    fitted = BehaviorClassifier(**QUICK).fit(arrays, told)
    files, read = [], []
    for k in (1, 0):
        files.append(tmp_path / f"day {k}.nc")
        made = arrays[k].expand_dims(individuals=["animal"]).astype("float32")
        store.write_dataset(made.to_dataset(name="feature_values"), files[-1])
    whole = store.read_dataset
    monkeypatch.setattr(store, "read_dataset", lambda path: read.append(path) or whole(path))
    turns = classifier_files.each(files, fitted, "classify", silent)
    assert next(turns).names == ("day 0",) and read == [files[1]]
    assert next(turns).names == ("day 1",) and len(read) == 2
    with pytest.raises(InputError, match="'day 0' is given twice"):
        next(classifier_files.each([files[1]] * 2, fitted, "classify", silent))
