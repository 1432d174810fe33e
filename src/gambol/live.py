"""Poses while an experiment runs: one frame in, its pose out, with latency under control.

>>> from gambol.live import Predictor  # Predictor("mice/runs/first").predict(frame).xy

`ManyPredictor` does the same for several animals.
"""

from gambol.stages.live import Ahead, Latency, Pose, Predictor, learn_motion
from gambol.stages.live_many import Animals, ManyPredictor

__all__ = [
    "Ahead", "Animals", "Latency", "ManyPredictor", "Pose", "Predictor", "learn_motion",
]  # fmt: skip
