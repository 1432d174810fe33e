import subprocess
import sys
from typing import Any

import pytest

from gambol.app.web import models, typescript


def test_the_pages_types_are_current():
    assert typescript.TARGET.read_text(encoding="utf-8") == typescript.source(), (
        "run python -m gambol.app.web.typescript"
    )


def test_check_tells_a_stale_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(typescript, "TARGET", tmp_path / "types.gen.ts")
    assert typescript.main(["--check"]) == 1 and "is stale" in capsys.readouterr().out
    assert typescript.main([]) == 0 and typescript.main(["--check"]) == 0
    (tmp_path / "types.gen.ts").write_text("old", encoding="utf-8")
    assert typescript.main(["--check"]) == 1
    assert typescript.main(["--more"]) == 2


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (models.State, '"queued" | "running" | "stopping" | "done"'),
        (list[int | None], "(number | null)[]"),
        (tuple[int, float | None], "[number, number | null]"),
        (dict[str, Any], "Record<string, unknown>"),
        (list[models.Theirs], "Theirs[]"),
    ],
)
def test_every_python_type_has_its_counterpart(kind, text):
    assert typescript.of(kind).startswith(text)


def test_a_type_without_counterpart_is_named():
    with pytest.raises(TypeError, match="no counterpart"):
        typescript.of(set[int])


def test_every_message_is_an_interface_and_only_what_the_page_sends_is_optional():
    text = typescript.source()
    blocks = {part.split(" ")[0]: part for part in text.split("export interface ")[1:]}
    for name, model in vars(models).items():
        if isinstance(model, type) and issubclass(model, models.Model):
            if model in (models.Model, models.Request):
                continue
            assert set(model.model_fields) == {
                line.split(":")[0].strip().rstrip("?")
                for line in blocks[name].splitlines()[1:]
                if line.startswith("  ")
            }
    assert (
        "  force?: boolean;" in blocks["Edits"] and "  seq: number | null;" in blocks["Message"]
    )


def test_it_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "gambol.app.web.typescript", "--check"])
    assert done.returncode == 0
