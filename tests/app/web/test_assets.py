"""Where the page is, and what is said when it is not."""

import pytest

from gambol.app.web import assets
from gambol.core.errors import InputError


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An installation that is no checkout."""
    monkeypatch.setattr(assets, "_CHECKOUT", tmp_path)
    monkeypatch.setattr(assets, "STATIC", tmp_path / "static")
    return tmp_path


def test_building_makes_the_page_and_a_second_time_nothing():
    assets.build()
    assert assets.built()
    assert not assets.build()


def test_an_installation_without_the_page_says_how_to_get_it(elsewhere):
    assert not assets.built()
    assert "pip install" in assets.missing()
    with pytest.raises(InputError, match="GAMBOL_NO_STUDIO"):
        assets.build()


def test_a_checkout_without_the_page_can_build_it(elsewhere):
    (elsewhere / "hatch_build.py").touch()
    assert "gambol studio --build" in assets.missing()


def test_half_a_page_is_no_page(elsewhere):
    (elsewhere / "static").mkdir()
    (elsewhere / "static" / "index.html").touch()
    assert not assets.built()


def test_a_build_that_fails_is_one_sentence_for_people(elsewhere):
    (elsewhere / "hatch_build.py").write_text(
        "class BuildError(RuntimeError): pass\n"
        "def build(root): raise BuildError('npm ci failed: no network')\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="could not be built: npm ci failed: no network"):
        assets.build()
