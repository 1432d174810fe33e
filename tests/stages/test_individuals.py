import numpy as np
import pytest
from longfilm import two

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.io import views as io_views
from gambol.multiview import associate
from gambol.stages import individuals


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    rig_path, truth = two(folder, frames=120)
    rig = calibration.load(rig_path).rig
    return io_views.open_views([folder / "views"], rig), rig, truth


def whole(pair, by):
    recording, rig, _ = pair
    (views,) = recording.parts(recording.frames)
    return individuals.match(by, associate.Associate(), views, rig)


@pytest.mark.parametrize("by", ["names", "frames", "tracks"])
@pytest.mark.parametrize("size", [1, 50])
def test_parts_are_matched_as_the_whole_is(pair, by, size):
    recording, rig, _ = pair
    expected, told = whole(pair, by)
    matching = individuals.Matching(
        by, associate.Associate(), lambda: recording.parts(size), recording.animals,
        rig.params(), recording.skeleton,
    )  # fmt: skip
    parts = list(matching.views())
    assert matching.names() == tuple(expected) and matching.told() == told
    assert matching.count == len(expected)
    for n, one in enumerate(expected.values()):
        for what in ("xy", "confidence", "variance"):
            joined = np.concatenate([getattr(part[n], what) for part in parts])
            np.testing.assert_array_equal(joined, getattr(one, what))


def test_further_peaks_go_with_their_instance(pair):
    recording, rig, _ = pair
    (given,) = recording.parts(recording.frames)
    several = {}
    for name, one in given.items():
        places = np.stack([one.xy, one.xy + 7], axis=3)
        score = np.stack([one.confidence, one.confidence / 2], axis=3)
        several[name] = one._replace(candidates=places, candidate_score=score)
    matched, _ = individuals.match("frames", associate.Associate(), several, rig)
    for one in matched.values():
        np.testing.assert_array_equal(one.candidates[..., 0, :], one.xy)
        np.testing.assert_array_equal(one.candidates[..., 1, :], one.xy + 7)
        np.testing.assert_array_equal(one.candidate_score[..., 1], one.confidence / 2)


def test_names_that_a_camera_exchanges_half_way_do_not_matter_frame_by_frame(pair):
    recording, _, _ = pair
    (given,) = recording.parts(recording.frames)
    matched, (told,) = whole(pair, "frames")
    for name, other in (("ann", "bob"), ("bob", "ann")):
        kept, late = matched[name].xy, slice(60, None)
        np.testing.assert_array_equal(kept[:60], given[name].xy[:60])
        np.testing.assert_array_equal(kept[late, 2], given[other].xy[late, 2])
    assert told.endswith("0 of 720 instances were confirmed by no other camera")


def test_tracks_that_fit_no_other_are_refused(pair):
    recording, rig, _ = pair
    (views,) = recording.parts(recording.frames)
    alone = {name: one._replace(xy=one.xy.copy()) for name, one in views.items()}
    for one in alone.values():
        one.xy[:, 1:] = np.nan
    with pytest.raises(InputError, match="no track of a camera fits one of another"):
        individuals.match("tracks", associate.Associate(), alone, rig)
