import pytest

from gambol.app.web import job_schemas
from gambol.app.web.answers import Fail
from gambol.core.errors import InputError


@pytest.fixture
def asked(monkeypatch):
    """What processes were asked."""
    seen, real = [], job_schemas._run
    monkeypatch.setattr(job_schemas, "_known", {})
    monkeypatch.setattr(job_schemas, "_right", {})
    monkeypatch.setattr(
        job_schemas, "_run", lambda *said: (seen.append(said[0]), real(*said))[1]
    )
    return seen


def test_settings_of_a_network_are_refused_with_the_name_of_the_field(asked):
    with pytest.raises(InputError, match=r"fit\.steps.*greater than 0, got -1"):
        job_schemas.check("train", {"fit": {"steps": -1}})
    with pytest.raises(InputError, match="did you mean 'fit'"):
        job_schemas.check("train", {"fti": {}})
    assert asked == [["train", "check"]] * 2


def test_right_settings_are_asked_about_once_and_presets_never(asked):
    own = {"fit": {"steps": 7}}
    job_schemas.check("train", own)
    job_schemas.check("train", own)
    job_schemas.check("train", {})
    assert asked == [["train", "check"]]
    for one in job_schemas.of("train").presets:
        job_schemas.check("train", one.config)
    assert asked == [["train", "check"], ["train"]]


def test_quick_stages_are_checked_here_and_those_without_settings_not_at_all(asked):
    with pytest.raises(InputError, match="cuont"):
        job_schemas.check("suggest", {"cuont": 1})
    job_schemas.check("suggest", {"count": 1})
    job_schemas.check("demo", {"seed": 1})
    assert asked == []


def test_a_process_that_cannot_start_hinders_no_job(asked, monkeypatch):
    monkeypatch.setattr(job_schemas.sys, "executable", "/no/such/python")
    job_schemas.check("train", {"fit": {"steps": -1}})  # its own process refuses it
    with pytest.raises(Fail, match="cannot be read"):
        job_schemas.of("train")
