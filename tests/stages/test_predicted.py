from pathlib import Path

from gambol.stages.predicted import Predicted, describe


def made(**more):
    values = Predicted(Path("a.mp4"), Path("poses/a.nc"), 512, 512, 4.0, 128.0, 2, 0.1, 0.7)
    return values._replace(**more)._asdict()


def test_a_line_a_video_says_what_became_of_it():
    several = [
        made(),
        made(fresh=256, fps=64.0),
        made(seconds=0.0, fresh=0),
        made(damage="a.mp4: frames 3 to 9 cannot be read"),
    ]
    lines = describe({"videos": several}).splitlines()
    assert lines[0] == (
        "poses/a.nc: 512 frames at 128 frames/s (decoding 10%, network 70%, rest 20%); "
        "2 frames searched as a whole"
    )
    assert "512 frames, 256 of them now at 64 frames/s" in lines[1]
    assert lines[2] == "poses/a.nc: 512 frames, there already"
    assert lines[4] == "a.mp4: frames 3 to 9 cannot be read"
