"""sbatch is played by a script that runs at once what it is given."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gambol.app import pipeline_file, pipeline_slurm

TEXT = """
recordings: films/*
slurm: [--partition=gpu, --time=4:00:00]
steps:
  a: info {path}
  b: info {path}
  all: {once: info films/x}
  c: info {path}
"""
SBATCH = """#!/bin/bash
# --parsable [--dependency=…] SCRIPT
script="${@: -1}"
echo "$@" >> "$SAID"
array=$(sed -n 's/^#SBATCH --array=0-//p' "$script")
for task in $(seq 0 "${array:-0}"); do SLURM_ARRAY_TASK_ID=$task bash "$script" >&2; done
wc -l < "$SAID"
"""


@pytest.fixture
def known(tmp_path):
    (tmp_path / "films").mkdir()
    for name in "xyz":
        (tmp_path / "films" / name).touch()
    (tmp_path / "my mice.yaml").write_text(TEXT)
    return pipeline_file.read(tmp_path / "my mice.yaml")


def test_a_script_a_stretch_with_the_options_of_the_file(known, tmp_path):
    submit, *scripts = pipeline_slurm.write(known, tmp_path / "slurm", 50)
    assert [script.name for script in scripts] == ["1-a-b.sh", "2-all.sh", "3-c.sh"]
    first, once, _ = (script.read_text() for script in scripts)
    assert "#SBATCH --array=0-2\n" in first and "#SBATCH --time=4:00:00\n" in first
    assert "--only a,b --share" in first and "--array" not in once and "--only all" in once
    assert submit.name == "submit.sh" and os.access(submit, os.X_OK)
    (fewer,) = [p for p in pipeline_slurm.write(known, tmp_path / "two", 2) if p.stem[0] == "1"]
    assert "--array=0-1\n" in fewer.read_text() and "/2" in fewer.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="SLURM runs elsewhere")
def test_stretches_follow_one_another_and_every_share_is_done(known, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline_slurm.sys, "executable", "played")
    submit = pipeline_slurm.write(known, tmp_path / "slurm", 2)[0]
    tools = tmp_path / "bin"
    tools.mkdir()
    played = f'#!/bin/bash\necho "$PWD: $@" >> "{tmp_path}/done"\n'
    for name, text in (("sbatch", SBATCH), ("played", played)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    more = {"PATH": f"{tools}:{os.environ['PATH']}", "SAID": str(tmp_path / "said")}
    told = subprocess.run(
        [submit], env={**os.environ, **more}, capture_output=True, text=True, check=True
    )
    assert [line.split(":")[0] for line in told.stdout.splitlines()] == [
        "1-a-b.sh", "2-all.sh", "3-c.sh",
    ]  # fmt: skip
    said = Path(more["SAID"]).read_text().splitlines()
    assert "--dependency" not in said[0] and "--dependency=afterany:1 " in said[1]
    assert "--dependency=afterany:2 " in said[2]
    done = (tmp_path / "done").read_text().splitlines()
    file = tmp_path / "my mice.yaml"
    run = f"{tmp_path}: -m gambol run {file} --only"
    assert done == [
        f"{run} a,b --share 0/2", f"{run} a,b --share 1/2", f"{run} all",
        f"{run} c --share 0/2", f"{run} c --share 1/2",
    ]  # fmt: skip
