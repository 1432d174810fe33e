"""Clips made once a session."""

from collections.abc import Callable
from pathlib import Path

import av
import clips
import pytest

av.logging.set_level(None)  # damaged files make ffmpeg talk


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the clip of a kind, encoded when first asked for."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            made[kind] = getattr(clips, kind)(folder)
        return made[kind]

    return get
