"""A small simulated recording and a network trained on it in seconds, for tests of stages."""

from pathlib import Path

from gambol.nn.backbones.unet import UNetSpec
from gambol.pose.train import FitConfig
from gambol.simulate.world import SimulateConfig
from gambol.stages import simulate, train

NAMES = ("nose", "left_ear", "right_ear", "tail_base")


def film(out: Path, seed: int = 0, seconds: float = 20.0) -> simulate.Filmed:
    world = SimulateConfig(
        width=160, height=120, body_length=45, seconds=seconds, fps=15, seed=seed, moods=False
    )
    cfg = simulate.FilmConfig(world=world, labelled=30, keypoints=NAMES)
    return simulate.run(cfg, out)


def small(steps: int = 40) -> train.TrainConfig:
    loop = FitConfig(steps=steps, batch=4, rate=3e-3, evaluate_every=20, warm_up=10)
    return train.TrainConfig(
        backbone=UNetSpec(depth=3, filters=8, rate=1.5), scale=0.5, fit=loop
    )
