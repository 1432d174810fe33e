"""What every message is: a frozen model that knows all of its fields."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Base of every message; a field that nobody knows is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Request(Model):
    """Base of what the page sends: it may leave out fields that have a default."""
