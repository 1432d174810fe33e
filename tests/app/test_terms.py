import pytest

from gambol.app.pipeline_file import Pipeline
from gambol.app.terms import ClusterConfig, Usual
from gambol.core.errors import InputError


def test_commands_outside_of_pipelines_have_the_terms_of_one_that_says_nothing(tmp_path):
    usual = Usual(tmp_path)
    known = Pipeline(tmp_path / "a.yaml", tmp_path, (), (), 3, 3600.0, ())
    for name in ("folder", "tries", "patience_s", "cluster"):
        assert getattr(usual, name) == getattr(known, name)


@pytest.mark.parametrize("said", ["cores=0", "gpus=-1", "memroy=3GB"])
def test_what_no_job_can_ask_for_is_refused(said):
    with pytest.raises(InputError):
        ClusterConfig().override([said])
