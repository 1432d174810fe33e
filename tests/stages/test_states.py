import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from state_worlds import FIT, world

from gambol.core.errors import InputError
from gambol.io.video import VideoWriter
from gambol.stages import states
from gambol.stages.states import StatesConfig

CFG = StatesConfig.from_values(
    {
        "fps": 20.0, "iterations": 20, "lags": FIT["lags"],
        "scan": {
            "kappas": [50.0, 500.0], "states": [2, 3], "seeds": 2, "iterations": 20,
            "keep_every": 2, "init_window_s": 3.0,
        },
    },
    "states.yaml",
)  # fmt: skip


def test_one_command_goes_from_syllables_to_states(tmp_path):
    made = world(tmp_path / "made", recordings=4, frames=2500)
    told = states.run(CFG, [made / "syllables"], tmp_path / "out", threads=1)
    assert told.n_states in (2, 3) and told.movies == () and told.median_s > 1
    for page in ("memory", "scan", "fit"):
        assert (tmp_path / "out" / page / "report.html").exists()
    assert states.run(CFG, [made / "syllables"], tmp_path / "out", threads=1) == told


@pytest.mark.parametrize("said", ["lags.fps=5", "scan.label=x", "scan.lags.lags=3"])
def test_what_would_have_no_effect_is_refused(said):
    block, _, name = said.partition("=")[0].partition(".")
    top = name.partition(".")[0]
    with pytest.raises(
        InputError, match=rf"{block}.{top} has no effect; give {top} at the top"
    ):
        CFG.override([said])


@pytest.mark.parametrize("centroids", [True, False])
def test_videos_beside_recordings_are_filmed_if_it_is_known_where_the_animal_is(
    tmp_path, centroids
):
    """Recordings lie in two folders, each with the videos of its own."""
    made = world(tmp_path / "made", recordings=2, frames=1500)
    folders = []
    for path in sorted((made / "syllables").iterdir()):
        folder = tmp_path / path.stem
        folder.mkdir()
        table = pd.read_csv(path)
        table = table if centroids else table[["syllable"]]
        table.to_csv(folder / path.name, index=False)
        with VideoWriter(folder / f"{path.stem}.mp4", 20.0, (96, 96)) as writer:
            for _ in range(1500):
                writer.write(np.zeros((96, 96, 3), np.uint8))
        folders.append(folder)
    cfg = CFG.override(["movies.size=64", "movies.columns=1", "movies.rows=2", "iterations=2",
                        "movies.frames=20", "scan.iterations=2", "scan.kappas=[500]",
                        "scan.states=[2]", "scan.seeds=1"])  # fmt: skip
    told = states.run(cfg, folders, tmp_path / "out", threads=1)
    assert (len(told.movies) == 2) == centroids
    assert any("no movies: no recording has both" in s for s in told.sentences) != centroids
    if centroids:
        note = json.loads((tmp_path / "out/movies/provenance.json").read_text())
        films = {Path(path).name for path in note["inputs"] if path.endswith(".mp4")}
        assert films == {"recording_000.mp4", "recording_001.mp4"} and not note["remarks"]
