"""Settings of what is learned about the looks of animals; read without torch."""

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core.config import Config


class AppearanceConfig(Config):
    """Settings of what is learned."""

    side: PositiveInt = 48  # px of a portrait; a mouse's coat, ears and marks can be seen
    steps: PositiveInt = 300  # about a minute on one core
    batch: PositiveInt = 64  # portraits in a step
    crops: PositiveInt = 3000  # portraits to learn from; 7 kB each
    rate: PositiveFloat = 2e-3  # falls to zero along a cosine
    temperature: PositiveFloat = 0.1  # of the contrastive loss; lower: hard pairs count more
    seed: NonNegativeInt = 0
