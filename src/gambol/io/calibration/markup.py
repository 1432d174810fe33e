"""XML of other programs, in whatever encoding it came, and the numbers in its attributes."""

import codecs
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.calibration.common import numbers

Element = ElementTree.Element
_MARKS = (  # of the encodings that begin with one
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEFORE = re.compile(r"\A(?:\s|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)  # declaration, comments
_NAME = re.compile(r"<([A-Za-z_][\w.-]*)")


def opening(head: bytes) -> str:
    """Return the name of the outermost element; empty if the bytes do not begin as XML.

    >>> opening(b'<?xml version="1.0"?><Cameras VERSION="2.0">')
    'Cameras'
    """
    text = _decoded(head)
    found = _NAME.match(text, _BEFORE.match(text).end())  # type: ignore[union-attr]
    return found[1] if found else ""


def read(path: Path) -> Element:
    """Read a file; what it declares of its encoding counts less than its bytes."""
    try:
        data = store.require_file(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    text = re.sub(r"\A\s*<\?xml.*?\?>", "", _decoded(data), flags=re.DOTALL)
    if "<!DOCTYPE" in text:
        raise InputError(f"{path} declares a document type, which is not read; export it again")
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"{path} is no complete XML ({error}); export it again") from error


def inner(element: Element, name: str, what: str) -> Element:
    """Return the first element of a name inside another."""
    found = element.find(name)
    if found is None:
        raise InputError(f"{what} has no <{name.split('/')[-1]}>; export it again")
    return found


def values(element: Element, names: tuple[str, ...], what: str) -> np.ndarray:
    """Return attributes that each hold one number."""
    missing = [name for name in names if name not in element.attrib]
    if missing:
        raise InputError(f"{what} lacks {', '.join(missing)}; export it again")
    return np.array([numbers(element.attrib[name], f"{what}: {name}", 1)[0] for name in names])


def value(element: Element, name: str, what: str, default: float | None = None) -> float:
    """Return an attribute that holds one number; `default` where it is not there."""
    if default is not None and not element.attrib.get(name):
        return default
    return float(values(element, (name,), what)[0])


def row(element: Element, name: str, what: str, count: int) -> np.ndarray:
    """Return an attribute that holds several numbers, with spaces between them."""
    if name not in element.attrib:
        raise InputError(f"{what} lacks {name}; export it again")
    return numbers(element.attrib[name].split(), f"{what}: {name}", count)


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if data[1:2] == b"\0":
        return data.decode("utf-16-le", errors="replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")  # letters in names of people and places
