import pytest

from gambol.core.errors import InputError
from gambol.stages import body_ends

MICE = [
    "Nose",
    "Ear_R",
    "Ear_L",
    "TTI",
    "TailTip",
    "Head",
    "Trunk",
    "Tail_0",
    "Tail_1",
    "Hip_L",
    "Hip_R",
]
FLY = ["head", "thorax", "abdomen", "wingL", "wingR", "forelegL4", "forelegR4", "eyeL", "eyeR"]
BELOW = ["Snout", "Front Paw R", "Hind Paw L", "Butt/Proximal Tail"]


@pytest.mark.parametrize(
    ("keypoints", "anterior", "posterior"),
    [
        (MICE, ("Nose",), ("TTI",)),
        (FLY, ("head",), ("abdomen",)),
        (BELOW, ("Snout",), ("Butt/Proximal Tail",)),
        (["left_ear", "right_ear", "tailbase"], ("left_ear", "right_ear"), ("tailbase",)),
        (["earL", "earR", "hipL", "hipR", "tail_tip"], ("earL", "earR"), ("hipL", "hipR")),
        (["snout", "tail_tip", "tail"], ("snout",), ("tail",)),
    ],
)
def test_ends_are_told_by_names(keypoints, anterior, posterior):
    assert body_ends.guess(keypoints) == (anterior, posterior)


@pytest.mark.parametrize("keypoints", [["forelegL", "rear", "tail_base"], ["nose", "tail_tip"]])
def test_what_names_do_not_tell_is_asked_for(keypoints):
    with pytest.raises(InputError, match="name one with --"):
        body_ends.guess(keypoints)


def test_what_was_guessed_is_said_with_the_way_to_say_otherwise():
    told = body_ends.told(body_ends.guess(["earL", "earR", "hipL", "hipR"]))
    assert "earL and earR" in told and "hipL and hipR" in told and "--anterior" in told
