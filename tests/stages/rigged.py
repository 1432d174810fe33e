"""A small simulated rig: a board in three cameras, and what they saw of a mouse."""

from pathlib import Path

from gambol.stages import simulate_views

SMALL = simulate_views.ViewsConfig(
    cameras=3,
    seconds=1.5,
    fps=30.0,
    boards=12,
    size=(480, 384),
    seed=3,
    films=False,
    moods=False,
)


def film(folder: Path, **changes) -> simulate_views.Filmed:
    return simulate_views.run(SMALL.model_copy(update=changes), folder)
