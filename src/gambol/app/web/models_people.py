"""What the page and the server say of people: who is here, where, and how they are called."""

from typing import Literal

from pydantic import Field

from gambol.app.web.models_base import Model, Request


class Person(Model):
    """Somebody who looks at the project now."""

    name: str
    colour: str
    screen: str = ""
    video: int | None = None
    frame: int | None = None
    own: bool = False


class Look(Request):
    """What the page sends over the feed: where its person is."""

    type: Literal["look"]
    user: str
    screen: str = ""
    video: int | None = None
    frame: int | None = None


class Naming(Request):
    """POST /api/name: a browser says who sits there."""

    name: str = Field(min_length=1, max_length=40)
    sure: bool = False  # it is the person of that name who worked here before


class Named(Model):
    """What POST /api/name answers: the name, and how many edits were a guest's before."""

    name: str
    edits: int
