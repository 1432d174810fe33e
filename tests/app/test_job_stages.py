import subprocess
import sys
from pathlib import Path

import pytest
from labelled import MOUSE, film, make

from gambol.app import job_files, job_schemas, job_stages
from gambol.app.job_files import Asked, Status
from gambol.core.errors import InputError
from gambol.core.progress import silent
from gambol.io import labels as io_labels
from gambol.io.project import Project


def asked(project, name="suggest-1", stage="suggest", number=1.0, inputs=None, **config):
    return Asked(id=name, key="k", stage=stage, title="", project=str(project), by="ann",
                 created=job_files.now(), number=number, config=config,
                 inputs=inputs or {})  # fmt: skip


def work(project, said, log=None):
    folder = project / "runs" / said.id
    folder.mkdir(parents=True, exist_ok=True)
    say = (log if log is not None else []).append
    return job_stages.Work(
        folder, said, silent, say, lambda: False, lambda net, n, /, **values: None
    )


@pytest.fixture
def project(tmp_path):
    film(tmp_path / "clip.mp4")
    with Project.create(tmp_path / "p", MOUSE) as made:
        made.add_video(tmp_path / "clip.mp4")
        made.put_labels(make([tmp_path / "clip.mp4"]))
    return tmp_path / "p"


def test_asking_which_stages_there_are_imports_none():
    code = "import sys; import gambol.app.job_stages; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_every_stage_has_the_settings_it_says():
    for name in job_stages.STAGES:
        kind = job_stages.settings(name)
        assert kind is None or kind()  # all have defaults


def test_suggestions_come_into_the_project(project):
    log = []
    with Project.open(project) as opened:
        opened.undo()  # of the labels, near which nothing is suggested
    said = asked(project, **job_stages.spoken("suggest", {"n": 1}))
    assert said.config == {"count": 1}
    assert job_stages.run(work(project, said, log))["frames"] == 1
    with Project.open(project) as opened:
        assert len(opened.suggestions()) == 1 and len(log) == 1


def test_an_export_reads_as_the_project_does(project):
    said = asked(project, "export-1", "export", inputs={"format": "slp"})
    (path,) = job_stages.run(work(project, said))["paths"]
    assert path.endswith("export-1/out/p.slp")
    assert len(io_labels.load(Path(path))) == len(io_labels.load(project))
    with pytest.raises(InputError, match="did you mean 'slp'"):
        job_stages.run(work(project, asked(project, "export-2", "export",
                                           inputs={"format": "slpp"})))  # fmt: skip


def test_a_training_keeps_the_labels_that_it_began_with(project):
    one = work(project, asked(project, "train-1", "train"))
    kept = job_stages._snapshot(one)
    before = io_labels.load(kept)
    assert before.content_hash() == io_labels.load(project).content_hash()
    with Project.open(project) as opened:
        opened.remove_instance(1, int(before.frame[0]), before.individuals[0])
        opened.set_complete(1, 29, True)
    assert io_labels.load(job_stages._snapshot(one)).content_hash() == before.content_hash()
    assert before.videos == io_labels.load(project).videos


def test_the_newest_finished_job_is_taken(project):
    with pytest.raises(InputError, match="start train first"):
        job_stages.newest(project, "train", None)
    for number, state in enumerate(("done", "done", "failed"), 1):
        said = asked(project, f"train-{number}", "train", number)
        folder = project / "runs" / said.id
        folder.mkdir(parents=True)
        job_files.ask(folder, said)
        job_files.quickly(Status(state=state), folder / "status.json")
    assert job_stages.newest(project, "train", None).name == "train-2"
    assert job_stages.newest(project, "train", "train-1").name == "train-1"
    with pytest.raises(InputError, match="train-3"):
        job_stages.newest(project, "train", "train-3")


def test_samples_at_once_are_halved_to_one():
    sizes = [8]
    while (smaller := job_stages.smaller("train", sizes[-1])) is not None:
        sizes.append(smaller)
    assert sizes == [8, 4, 2, 1]
    assert job_stages.smaller("suggest", None) is None


def test_a_setting_that_is_a_path_leads_to_the_project_or_the_roots(tmp_path):
    project, root = tmp_path / "p", tmp_path / "root"
    for folder in (project, root, tmp_path / "closed"):
        folder.mkdir()
    (project / "link").symlink_to(tmp_path / "closed")

    def start(said):
        return job_stages.placed("train", {"start": said, "seed": 3}, project, [root])

    assert start("imagenet") == {"start": "imagenet", "seed": 3}
    assert start(None)["start"] is None
    assert start("runs/train-1/out")["start"] == str(project / "runs" / "train-1" / "out")
    assert start(str(root / "resnet.pth"))["start"] == str(root / "resnet.pth")
    for said in (str(tmp_path / "closed" / "a.pth"), "../closed/a.pth", "link/a.pth", "/none"):
        with pytest.raises(InputError, match=r"the setting start names .* --root"):
            start(said)
    assert job_stages.placed("suggest", {"start": "/x"}, project, []) == {"start": "/x"}


def test_films_without_labels_lie_in_the_project_or_the_roots(tmp_path):
    project, root = tmp_path / "p", tmp_path / "root"
    project.mkdir()
    root.mkdir()

    def films(*said):
        told = {"unlabelled": {"videos": list(said), "length": 4}}
        return job_stages.placed("train", told, project, [root])["unlabelled"]

    found = [str(project / "a.mp4"), str(root / "b.mp4")]
    assert films("a.mp4", str(root / "b.mp4")) == {"videos": found, "length": 4}
    with pytest.raises(InputError, match=r"the setting unlabelled.videos names .* --root"):
        films("a.mp4", "../closed.mp4")


WORDS = {  # settings that are text and no path: names of animals, columns, cameras, kinds
    "GroupSettings.factor", "InformationConfig.label", "Known.first", "Known.second",
    "LossSpec.kind", "ManyConfig.anchor", "MovieConfig.label", "OutputSpec.kind",
    "ScanConfig.history",
    "ScanConfig.label", "Spec.kind", "StatesConfig.label", "SyllableMovieConfig.label",
    "SyllablesConfig.series", "SynchronizeConfig.animal", "SynchronizeConfig.reference",
}  # fmt: skip


def test_no_other_setting_of_a_job_is_a_path():
    """A new setting that is text is to be looked at: may it name a file?"""
    found = set()
    for name in job_stages.STAGES:
        kinds = [kind] if (kind := job_stages.settings(name)) else []
        for one in (one for kind in kinds for one in job_schemas._family(kind)):
            free = {key for key, field in one.model_fields.items()
                    if field.annotation in (str, str | None, Path, Path | None)}  # fmt: skip
            free -= set(job_stages.PLACES.get(name, {}))
            found |= {f"{one.__name__}.{key}" for key in free}
    assert found <= WORDS


def test_a_report_is_of_a_finished_training(project):
    said = asked(project, "report-1", "report", inputs={"run": "train-9"})
    with pytest.raises(InputError, match="no finished job train-9; start train first"):
        job_stages.run(work(project, said))
