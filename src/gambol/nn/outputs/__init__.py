"""Outputs: what maps mean. One kind a file; importing this registers all."""

from gambol.nn.outputs import classes as _classes
from gambol.nn.outputs import confidence as _confidence
from gambol.nn.outputs import fields as _fields
from gambol.nn.outputs import graph as _graph
from gambol.nn.outputs import location as _location
from gambol.nn.outputs import simcc as _simcc
from gambol.nn.outputs import softmax as _softmax
from gambol.nn.outputs import who as _who
from gambol.nn.outputs.base import Output, OutputSpec, Positions, outputs

__all__ = ["Output", "OutputSpec", "Positions", "outputs"]
del _classes, _confidence, _fields, _graph, _location, _simcc, _softmax, _who
