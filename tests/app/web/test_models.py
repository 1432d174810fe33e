import pytest
from pydantic import ValidationError

from gambol.app.web import models, models_base, models_files, models_people, models_tracks


def test_a_misspelt_field_is_an_error():
    with pytest.raises(ValidationError, match="forse"):
        models.Edits.model_validate({"edits": [], "forse": True})


@pytest.mark.parametrize("part", [models_base, models_files, models_people, models_tracks])
def test_every_message_of_the_parts_is_among_the_models(part):
    for name, value in vars(part).items():
        if isinstance(value, type) and issubclass(value, models_base.Model):
            assert getattr(models, name) is value
