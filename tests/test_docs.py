"""Docs tell the truth: blocks run, links lead somewhere, made pages are current."""

import ast
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import click
import matplotlib
import matplotlib.pyplot as plt
import pytest
import typer
import yaml

from gambol.app import cli, pipeline_file, pipeline_words

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
COMMANDS = typer.main.get_command(cli.app).commands
TUTORIAL = DOCS / "first-project.md"
LONG = (
    "classifier.md",
    "maps.md",
    "python.md",
    "states.md",
    "three-dimensions.md",
)  # pages whose blocks fit models

MADE = {
    "tutorial-several.md": ["tracks/test-1.nc", "films/test-1.mp4", "test-1.analysis.h5"],
    "tutorial-space.md": ["mouse.nc", "mouse.report.html", "films/mouse.mp4", "mouse.c3d"],
    "tutorial-behaviour.md": ["cleaned/report.html", "map/report.html", "stays.csv"],
    "tutorial-syllables.md": ["run/report.html", "run/label_map.json"],
    "tutorial-states.md": ["run/report.html", "memory/report.html"],
}  # what pages about one stage leave behind

# the shape checker of the tests looks at tensors while openvino traces the network
pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int  # of its first line, from 1
    language: str
    text: str


def blocks(page, *languages):
    """The blocks of a page in some languages."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    made = [Block(page, text[: m.start(2)].count("\n") + 1, m[1], m[2]) for m in found]
    return [block for block in made if block.language in languages]


def commands(page):
    """The command lines of a page that begin with `gambol`, as lists of words."""
    lines = [line for b in blocks(page, "bash", "console") for line in b.text.splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == ["gambol"]]


def inline(page):
    """The command lines within the text of a page that begin with `gambol`."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    found = (shlex.split(line) for line in re.findall(r"`(gambol [^`]+)`", text))
    return [words[1:] for words in found if words[1] in COMMANDS and len(words) > 2]


def name(page):
    return page.name


def follow(page, folder):
    """Run all commands of a page in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in commands(page):
            patch.setattr(sys, "argv", ["gambol", *words])
            with pytest.raises(SystemExit) as stop:
                cli.main()
            assert not stop.value.code, " ".join(words)


@pytest.fixture(scope="session")
def tutorial(tmp_path_factory):
    """The folder in which all commands of the first project were run."""
    folder = tmp_path_factory.mktemp("tutorial")
    follow(TUTORIAL, folder)
    return folder


def test_the_first_project_runs_as_it_stands(tutorial):
    made = ["mice/project.db", "mice/runs/first/model.json", "poses/sim-1.nc", "labels.slp"]
    assert all((tutorial / path).stat().st_size for path in [*made, "report.html"])
    assert list((tutorial / "films").glob("*.mp4"))


@pytest.mark.slow  # minutes each, as they say
@pytest.mark.parametrize("page", sorted(MADE), ids=str)
def test_tutorials_run_as_they_stand(page, tmp_path):
    follow(DOCS / page, tmp_path)
    assert all((tmp_path / path).stat().st_size for path in MADE[page])


def test_every_tutorial_is_run():
    assert {page.name for page in DOCS.glob("tutorial-*.md")} == set(MADE)


def cells():
    """The code cells of the notebook."""
    found = json.loads((DOCS / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def test_the_notebook_is_kept_without_what_it_printed_and_imports_what_exists():
    for cell in cells():
        assert cell["outputs"] == [] and cell["execution_count"] is None
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            if isinstance(node, ast.ImportFrom):
                for one in node.names:  # a name of the module, or a module in it
                    module = importlib.import_module(node.module)
                    assert hasattr(module, one.name) or importlib.import_module(
                        f"{node.module}.{one.name}"
                    )


@pytest.mark.slow  # five minutes
def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    space = {"__name__": "notebook"}
    for cell in cells():
        exec("".join(cell["source"]), space)
    plt.close("all")
    found = space["agreement"].adjusted_rand, space["scores"]["median"]
    assert found[0] > 0.8, found  # states that were planted
    assert found[1] < 15.0, found  # mm, of a mouse that is 90 mm long
    assert 3 <= space["fit"].syllables_used <= 20


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.slow if page.name in LONG else ())
        for page in PAGES
        if page.parent == DOCS
    ],
    ids=name,
)
def test_python_blocks_of_a_page_run_in_order(page, tutorial, tmp_path, monkeypatch):
    found = blocks(page, "python")
    if not found:
        return
    folder = shutil.copytree(tutorial, tmp_path / "folder")
    monkeypatch.chdir(folder)
    space = {"__name__": page.stem}
    for block in found:
        padded = "\n" * (block.line - 1) + block.text  # so that tracebacks name the right line
        exec(compile(padded, str(page), "exec"), space)


@pytest.mark.parametrize("page", PAGES[:2], ids=name)
def test_python_blocks_run_in_an_empty_folder(page, tmp_path):
    text = "\n".join(block.text for block in blocks(page, "python"))
    told = subprocess.run(
        [sys.executable, "-c", text],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # tests share the cores
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_command_lines_name_verbs_and_options_that_exist(page):
    for verb, *words in commands(page):
        COMMANDS[verb].make_context(verb, words)  # raises where something is wrong


def test_pipelines_of_the_page_can_be_done(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.mp4").touch()
    (tmp_path / "rigs.csv").write_text("name,left,right,rig\nday1,l.mp4,r.mp4,rig.toml\n")
    found = [block for block in blocks(DOCS / "pipelines.md", "yaml") if "steps:" in block.text]
    assert len(found) == 6
    for block in found:
        (tmp_path / "mice.yaml").write_text(block.text)
        pipeline_words.check(pipeline_file.read(tmp_path / "mice.yaml"))


def test_the_snakefile_gives_commands_that_exist():
    text = (DOCS / "examples" / "Snakefile").read_text(encoding="utf-8")
    found = re.findall(r'"(gambol .+)"$', text, re.M)
    assert len(found) == 3
    for line in found:
        verb, *words = shlex.split(re.sub(r"\{.+?\}", "3", line))[1:]
        COMMANDS[verb].make_context(verb, words)


def test_what_other_tools_do_is_done_by_commands_that_exist():
    found = inline(DOCS / "coming-from.md")
    assert len(found) > 50
    for verb, *words in found:
        command = COMMANDS[verb]
        if isinstance(command, click.Group):
            verb, command, words = words[0], command.commands[words[0]], words[1:]
        command.make_context(verb, words, resilient_parsing=False)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_yaml_blocks_are_yaml(page):
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block.text)


def test_settings_of_the_training_page_are_settings():
    from gambol.stages.train import TrainConfig

    shown = blocks(DOCS / "training.md", "yaml")[0].text
    TrainConfig.from_values(yaml.safe_load(shown), "training.md")
    for words in commands(DOCS / "training.md"):
        given = [words[k + 1] for k, word in enumerate(words) if word == "--set"]
        TrainConfig().override(given)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_between_pages_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


def anchors(page):
    """What headings are linked as: lower case, blanks as hyphens, no punctuation."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]


def test_the_menu_lists_every_page_once():
    menu = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    listed = [page for entry in menu for page in entry.values()]
    assert sorted(listed) == sorted(page.name for page in DOCS.glob("*.md"))


@pytest.fixture
def scripts(monkeypatch):
    """Import one of `docs/scripts`."""
    monkeypatch.syspath_prepend(DOCS / "scripts")
    return importlib.import_module


def test_the_page_of_the_command_line_is_current(scripts):
    made = scripts("command_line").text()
    assert (DOCS / "command-line.md").read_text(encoding="utf-8") == made, "run `make docs`"


def test_the_tables_of_settings_are_current(scripts):
    settings = scripts("settings")
    for page in settings.BLOCKS:
        now = (DOCS / page).read_text(encoding="utf-8")
        assert now == settings.page(page), "run `make docs`"


def test_every_setting_has_a_meaning(scripts):
    settings = scripts("settings")
    for kind in {kind for tables in settings.BLOCKS.values() for _, kind in tables}:
        assert "|  |" not in settings._table("", kind), kind
