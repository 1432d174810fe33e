"""Files of cv2.FileStorage, YAML and XML, as plain values and arrays, without the library.

Matrices are read from {rows, cols, dt, data}, also where the tag of OpenCV is missing (ROS).
Numbers are written so that they come back as they were.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import yaml

from gambol.core.errors import InputError
from gambol.io import store

_HEAD = "%YAML:1.0\n---\n"


class _Loader(yaml.SafeLoader):
    """YAML of plain values, and of tagged maps, which are maps as well."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]


_Loader.add_multi_constructor("tag:yaml.org,2002:opencv", _tagged)


def read(path: Path) -> dict[str, Any]:
    """Read a file into names and values; matrices are arrays."""
    text = store.read_text(path)
    values = _of_xml(path, text) if text.lstrip().startswith("<") else _of_yaml(path, text)
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no named values; write it again")
    return values


def yaml_text(values: Mapping[str, Any]) -> str:
    """Write names with arrays, numbers or text as OpenCV does."""
    return _HEAD + "".join(_entry(name, value) for name, value in values.items())


def _of_yaml(path: Path, text: str) -> Any:
    body = re.sub(r"\A\s*%YAML[^\n]*\n", "", text)
    try:
        loader = _Loader(body)
        try:
            return _arrays(loader.get_single_data())
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is not YAML: {reason}") from error


def _of_xml(path: Path, text: str) -> Any:
    try:
        root = ElementTree.fromstring(text.encode())
        return {child.tag: _of_element(child) for child in root}
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"{path} is no XML of OpenCV: {error}; write it again") from error


def _of_element(element: ElementTree.Element) -> Any:
    if element.get("type_id") in ("opencv-matrix", "opencv-nd-matrix"):
        said = {child.tag: (child.text or "").strip() for child in element}
        return _matrix(said | {"data": [float(word) for word in said["data"].split()]})
    if len(element):
        if all(child.tag == "_" for child in element):
            return [_of_element(child) for child in element]
        return {child.tag: _of_element(child) for child in element}
    words = (element.text or "").split()
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return (element.text or "").strip().strip('"')
    return numbers[0] if len(numbers) == 1 else numbers


def _arrays(value: Any) -> Any:
    """Put arrays in the place of maps that describe them."""
    if isinstance(value, dict):
        if "data" in value and ({"rows", "cols"} <= set(value) or "sizes" in value):
            return _matrix(value)
        return {str(key): _arrays(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_arrays(one) for one in value]
    return value


def _matrix(said: Mapping[str, Any]) -> np.ndarray:
    sizes = said.get("sizes", (said.get("rows"), said.get("cols")))
    words = sizes.split() if isinstance(sizes, str) else sizes
    shape = [int(word) for word in np.ravel(np.array(words, object))]
    data = np.array([float(word) for word in said["data"]])
    if len(data) != np.prod(shape):
        raise ValueError(f"a matrix of {' x '.join(map(str, shape))} has {len(data)} values")
    return data.reshape(shape)


def _entry(name: str, value: Any) -> str:
    if isinstance(value, np.ndarray):
        grid = np.atleast_2d(value).astype(np.float64)
        data = ", ".join(repr(one) for one in grid.ravel().tolist())
        return (
            f"{name}: !!opencv-matrix\n   rows: {grid.shape[0]}\n   cols: {grid.shape[1]}\n"
            f"   dt: d\n   data: [ {data} ]\n"
        )
    if isinstance(value, str):
        return f'{name}: "{_escaped(value)}"\n'
    return f"{name}: {value!r}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
