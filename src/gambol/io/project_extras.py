"""What files of other programs said besides labels, between `Extras` and rows of a project.

A row is of an animal in a frame, of a frame (animal 0), of a video (frame -1) or of everything
(video 0). Labels that are edited keep theirs; nobody changes them but another import.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence

from gambol.core.extras import WHOLE, Extras, Said, merged
from gambol.core.labels import Labels
from gambol.io.project_edits import Edit, get

Key = tuple[int, int, int]  # video and animal as the project numbers them, and frame
ALL: Key = (0, WHOLE, 0)


def say(edit: Edit, key: Key, said: Said) -> None:
    """Add to what is said; of a word that is said twice the later counts."""
    if not said:
        return
    old = get(edit.connection, "extras", key)
    there = json.loads(old["value"]) if old else {}
    text = json.dumps(merged(there, said), ensure_ascii=False)
    edit.put("extras", key, {"value": text})


def move(edit: Edit, old: Key, new: Key) -> None:
    """Let what was said of one animal be said of another."""
    said = get(edit.connection, "extras", old)
    if said is not None:
        edit.put("extras", old, None)
        say(edit, new, json.loads(said["value"]))


def say_of_frames(edit: Edit, labels: Labels, videos: Mapping[int, int]) -> None:
    """Note what labels say of frames, videos and everything.

    Args:
        edit: the edit that records it.
        labels: what was read.
        videos: number in the project of each video that the labels use.
    """
    say(edit, ALL, labels.extras.all)
    for (v, f), said in labels.extras.frames.items():
        if v in videos:
            say(edit, (videos[v], f, 0), said)


def read(
    connection: sqlite3.Connection, place: Mapping[int, int], rows: Sequence[Key]
) -> Extras:
    """Return what is said of some animals, in their order, and of everything else.

    Args:
        connection: of the project.
        place: index in the labels of each video of the project.
        rows: video, frame and number of each animal, as the project numbers them.
    """
    query = "SELECT video, frame, individual, value FROM extras"
    said = {(v, f, i): json.loads(text) for v, f, i, text in connection.execute(query)}
    if not said:
        return Extras()
    animals = tuple(said.get(key, {}) for key in rows)
    frames = {
        (place[v], f): words for (v, f, i), words in said.items() if i == 0 and v in place
    }
    return Extras(animals if any(animals) else (), frames, said.get(ALL, {}))
