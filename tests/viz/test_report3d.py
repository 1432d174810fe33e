import re

import numpy as np
import pytest
import ring

from gambol.core import poses
from gambol.viz import atlas, films, report3d, rig_page

VIEW_DIMS = ("time", "view", "keypoints", "individuals")


def dataset(animals=1, frames=20):
    """Poses with what four views say: 2 px everywhere, one outlier of 50 px in ten."""
    times, xyz = ring.walk(frames, animals)
    shape = xyz.shape[:3]
    names = tuple(f"animal {n}" for n in range(animals))
    made = poses.build(
        xyz, np.full(shape, 0.9), np.tile(np.diag([1.0, 4.0, 4.0]), (*shape, 1, 1)), times,
        ring.BONES, fps=10.0, individuals=names, attrs={"units": "mm", "tier": "robust"},
    )  # fmt: skip
    outlier = np.zeros((frames, 4, 5, animals))
    outlier[::10] = 0.99
    made = made.assign_coords(view=[f"cam{v}" for v in range(4)])
    made["outlier_probability"] = (VIEW_DIMS, outlier)
    made["reprojection_error"] = (VIEW_DIMS, np.where(outlier > 0.5, 50.0, 2.0))
    made["n_views"] = (poses.POINT_DIMS, (1 - outlier).sum(axis=1))
    return made


def numbers(text):
    return dict(
        (said, value)
        for value, said in re.findall(r"<div><b>([^<]*)</b><span>([^<]*)</span>", text)
    )


def test_the_head_says_what_matters():
    left = report3d.LeftOut(
        ["cam0", "cam1"], np.full((20, 2, 5), 3.5), np.array([-4.0, -5.5]), np.array([1.0, 0.9])
    )
    said = numbers(
        report3d.reconstruction(
            report3d.Reconstruction("walk", dataset(), ring.rig(), left_out=left)
        )
    )
    assert said["median reprojection error of what was used"] == "2.00 px"
    assert said["of the observations were judged wrong and left out"] == "10.0 %"
    assert said["median standard deviation along an axis"] == f"{np.sqrt(3):.2f} mm"
    assert said["median error when a view is predicted by the others"] == "3.50 px"
    assert said["of the points have a place"] == "100 %"


def test_a_page_has_its_parts_and_needs_no_other_file():
    made = report3d.Reconstruction(
        "walk <1>", dataset(2), ring.rig(), {"median filter": np.full((4, 5), 3)},
        jitter={"animal 0": 1234.6}, states=atlas.Atlas(ring.BODY[None], np.ones(1)),
        examples=[films.Example(np.zeros((40, 40, 3), np.uint8), "frame <7>")],
        remarks=["Units were guessed."], settings="tier: robust\n",
        provenance={"date": "today", "versions": {"gambol": "1", "none": None}},
    )  # fmt: skip
    text = report3d.reconstruction(made)
    for part in (
        "walk &lt;1&gt;", "Units were guessed.", "frame &lt;7&gt;", "median filter: 60",
        "1\u202f235 mm/s³", "Atlas of pose states", "tier: robust", "gambol 1", "animal 1",
    ):  # fmt: skip
        assert part in text
    assert text.count("<script>") == 1 and not re.search(r"https?://", text)


def test_views_that_were_left_out_have_a_row_each():
    far = np.concatenate([np.full((10, 1, 5), 2.0), np.full((10, 1, 5), np.nan)], axis=1)
    found = report3d.LeftOut(["a", "b"], far, np.array([-4.25, np.nan]), np.array([1.0, 0.0]))
    text = report3d.left_out(found, ring.BONES)
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', text)
    cells = {name: re.findall("<td>(.*?)</td>", row) for name, row in rows}
    assert cells["a"][:4] == ["50", "2.00", "2.00", "-4.25"] and cells["b"][:2] == ["0", "–"]


@pytest.mark.parametrize("lost", [["outlier_probability"], ["reprojection_error", "n_views"],
                                  ["covariance"]], ids=str)  # fmt: skip
def test_what_a_file_lacks_is_left_out_of_the_page(lost):
    made = report3d.Reconstruction("walk", dataset().drop_vars(lost), ring.rig())
    assert "3D poses: walk" in report3d.reconstruction(made)


@pytest.mark.parametrize("frames", [1, 2])
def test_short_recordings_have_a_page(frames):
    assert "In 3D" in report3d.reconstruction(report3d.Reconstruction("w", dataset(1, frames)))


def test_an_animal_that_was_never_found_has_a_page():
    made = dataset()
    made["position"] = made.position * np.nan
    made["reprojection_error"] = made.reprojection_error * np.nan
    text = report3d.reconstruction(report3d.Reconstruction("nobody", made, ring.rig()))
    assert numbers(text)["of the points have a place"] == "0.0 %" and "nan" not in re.sub(
        r"(?s)<script.*?</script>", "", text
    )


def test_medians_are_those_of_numpy_where_something_is_known():
    values = np.random.default_rng(0).normal(size=(7, 6, 3))
    values[values > 1] = np.nan
    values[:, 0, 0] = np.nan
    mine = report3d._median(values, axis=0)
    assert np.isnan(mine[0, 0])
    for k in np.ndindex(6, 3):
        known = values[(slice(None), *k)]
        known = known[np.isfinite(known)]
        assert not len(known) or np.isclose(mine[k], np.median(known))


def test_a_calibration_has_its_page():
    rig = ring.rig(3)
    rng = np.random.default_rng(0)
    found = {
        n: rig_page.Residuals(rng.uniform(0, 200, (99, 2)), rng.normal(0, 0.2, (99, 2)),
                              np.arange(99)) for n in rig
    }  # fmt: skip
    made = rig_page.Calibrated(
        "rig", rig, [rig_page.Finding("fit", True, "cam1 is off.", ("cam1",))], found,
        rig_page.Coverage(list(rig), np.full((3, 3), 9), np.zeros(3, int)), method="A board.",
    )  # fmt: skip
    text = report3d.calibration(made)
    for part in ("Calibration: rig", "A board.", "cam1 is off.", "What the views share",
                 "Where the cameras are", "What is left in the images"):  # fmt: skip
        assert part in text
    assert numbers(text)["check that asks for attention"] == "1"
    assert "<canvas" in text and "<canvas" not in report3d.calibration(made, interactive=False)
