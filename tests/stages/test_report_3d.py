"""The page about 3D poses holds what a reader asks for, and nothing from the network."""

import re

from gambol.stages import report


def test_the_page_tells_of_views_bones_and_what_was_left_out(poses_3d, tmp_path):
    page = report.run(poses_3d.poses, tmp_path / "page.html").read_text()
    for words in ("What was left out", "Reprojection error", "left out", "cam_2", "mm"):
        assert words in page
    assert "median error when a view is predicted by the others" in re.sub(r"\s+", " ", page)
    assert not re.search(r"(src|href)=[\"']https?://", page)


def test_the_page_lies_beside_the_poses_if_nobody_says_where(poses_3d):
    assert report.run(poses_3d.poses) == poses_3d.poses.with_suffix(".report.html")
