"""Messages about files: chosen on the server, uploaded, brought in and out."""

from typing import Literal

from pydantic import Field

from gambol.app.web.models_base import Model, Request


class Entry(Model):
    """A file or folder that may be chosen."""

    name: str
    kind: Literal["folder", "video", "labels", "rig", "project", "other"]
    bytes: int | None
    id: str  # of the file, for /api/videos and /api/import


class Listing(Model):
    """GET /api/files?root&dir."""

    root: int
    roots: list[str]
    dir: str
    entries: list[Entry]
    more: int = 0  # entries that are not shown, as they are too many


class UploadStart(Request):
    """POST /api/uploads: a file that will come in parts; said again, it goes on."""

    name: str = Field(min_length=1, max_length=500)
    bytes: int = Field(ge=1)
    hash: str = Field(min_length=1, max_length=1000)  # the same for the same content


class Upload(Model):
    """What the server has of a file; PUT /api/uploads/{id}?at=received brings the next part."""

    id: str  # once it is whole, of the file, as in `Entry`
    name: str
    bytes: int
    received: int


class LinkStart(Request):
    """POST /api/links: let another browser in."""

    role: Literal["edit", "read"] = "edit"


class Link(Model):
    """What comes after the address of the page, once: `?key=…`."""

    query: str


class NewProject(Request):
    """POST /api/project: names of keypoints, or a template, or a file to take them from."""

    keypoints: list[str] = []
    template: str | None = None
    file: str | None = None  # id of labels, of an entry or an upload, whose skeleton is taken
    name: str = "animal"


class Transfer(Request):
    """POST /api/import (dry first), POST /api/export."""

    file: str | None = None  # id of an entry, or of an upload
    format: str | None = None  # of an export: slp, dlc, coco, csv, nwb, analysis
    dry: bool = False  # say what would change and what would be lost


class Transferred(Model):
    """What was, or would be, brought in or out."""

    format: str
    frames: int
    animals: int
    changes: list[str]  # sentences
    lost: list[str]  # what the format cannot hold, in sentences
    path: str | None = None  # of an export, relative to the project
    download: str | None = None  # address of the file


class ReportPage(Model):
    """An entry of GET /api/reports: a page that a stage wrote, as GET /api/reports/{report}."""

    report: str
    place: str  # below the project, with /
    made: float  # seconds since 1970
