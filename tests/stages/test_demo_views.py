"""The demo's part about several cameras, small."""

from gambol.stages import demo, demo_views

TINY = demo_views.ViewsConfig(3, 1.0, 8, "robust", 1)


def test_it_ends_with_scores_pages_and_a_film_and_keeps_what_is_finished(tmp_path):
    made = demo_views.run(TINY, tmp_path)
    assert made.calibration_px < 0.6 and made.mpe_mm < made.dlt_mm
    for name in (demo_views.PAGE, demo_views.CALIBRATION, "views/films/mouse.mp4"):
        assert (tmp_path / name).stat().st_size > 1000
    assert "the mouse in space is" in demo_views.describe(made._asdict())
    written = (tmp_path / "views" / "mouse.nc").stat().st_mtime_ns
    assert demo_views.run(TINY, tmp_path) == made
    assert (tmp_path / "views" / "mouse.nc").stat().st_mtime_ns == written


def test_the_quick_demo_is_smaller():
    quick, whole = (demo.DemoConfig(quick=q).views() for q in (True, False))
    assert quick.seconds < whole.seconds and quick.cameras < whole.cameras
