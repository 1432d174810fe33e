"""A classifier that cannot be trusted is not asked."""

import pytest
from classified import QUICK, world

from gambol.behavior.classifier import BehaviorClassifier
from gambol.core.errors import InputError
from gambol.io import store
from gambol.stages import classify
from gambol.stages.classify import ClassifyConfig


def features_file(array, path):
    """What `gambol features` writes of one animal."""
    made = array.expand_dims(individuals=["animal"]).astype("float32")
    store.write_dataset(made.to_dataset(name="feature_values"), path)
    return path


@pytest.fixture
def model(tmp_path):
    arrays, told = world(3, ("rear",))
    made = BehaviorClassifier(**QUICK).fit(arrays, told)
    store.write_dataset(made.to_dataset(), tmp_path / "model.nc")
    return tmp_path / "model.nc", arrays


def test_features_are_classified_by_a_file_of_a_model(model, tmp_path):
    path, arrays = model
    file = features_file(arrays[0], tmp_path / "day 0.nc")
    made = classify.run(ClassifyConfig(), path, [file], tmp_path / "out")
    assert made.bouts["rear"] > 3 and made.scores == ()
    again = classify.run(ClassifyConfig(), path, [file], tmp_path / "out")
    assert again == made
    assert "rear: " in classify.describe(made._asdict())


def test_a_damaged_model_is_named(model, tmp_path):
    path, arrays = model
    held = store.read_dataset(path)
    held["left"] = held["left"] * 0
    store.write_dataset(held, tmp_path / "bad.nc")
    file = features_file(arrays[0], tmp_path / "day 0.nc")
    with pytest.raises(InputError, match=r"bad.nc: the trees of the classifier are damaged"):
        classify.run(ClassifyConfig(), tmp_path / "bad.nc", [file], tmp_path / "out")
    lost = held.drop_vars("decision")
    store.write_dataset(lost, tmp_path / "bad.nc")
    with pytest.raises(InputError, match="lacks decision"):
        classify.run(ClassifyConfig(), tmp_path / "bad.nc", [file], tmp_path / "out")


def test_features_of_other_names_are_refused(model, tmp_path):
    path, arrays = model
    other = arrays[0].isel(feature=slice(0, 3))
    file = features_file(other, tmp_path / "day 0.nc")
    with pytest.raises(InputError, match="not those of the model"):
        classify.run(ClassifyConfig(), path, [file], tmp_path / "out")
    assert not (tmp_path / "out").exists()
