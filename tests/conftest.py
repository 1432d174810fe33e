import os
from pathlib import Path

import pytest
import typechecked
import xarray
from hypothesis import settings

typechecked.install()
settings.register_profile("gambol", deadline=None)  # the first call of a kernel compiles it
settings.load_profile("gambol")

# numbagg comes with movement: a median compiles for ten seconds in every process, and starts
# threads that spin on all cores from then on
xarray.set_options(use_numbagg=False)


def pytest_runtest_setup():
    typechecked.begin()


@pytest.fixture(scope="session")
def data():
    """The folder of real recordings; tests that need it skip where it is absent."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("GAMBOL_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}; set GAMBOL_DATA")
    return folder


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Keep caches of tests away from the user's."""
    os.environ["GAMBOL_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True, scope="module")
def _margins(request):
    """Draw figures without the search for margins, half of what pages cost; not of viz."""
    if "viz" in request.path.parts:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        engine = "matplotlib.layout_engine.ConstrainedLayoutEngine"
        patch.setattr(f"{engine}.execute", lambda self, figure: None)
        yield
