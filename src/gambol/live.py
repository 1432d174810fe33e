"""Poses while an experiment runs: one frame in, its pose out, with latency under control.

>>> from gambol.live import Predictor  # Predictor("mice/runs/first").predict(frame).xy
"""

from gambol.stages.live import Ahead, Latency, Pose, Predictor, learn_motion

__all__ = ["Ahead", "Latency", "Pose", "Predictor", "learn_motion"]
