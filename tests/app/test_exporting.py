from pathlib import Path

from gambol.stages import export_model


def test_the_verb_hands_on_what_was_asked(gambol, monkeypatch):
    asked = {}

    def run(cfg, trained, out, **more):
        asked.update(cfg=cfg, trained=trained, out=out, **more)
        return export_model.Exported(out, {"float32": "model.xml"}, {}, None, None, True)

    monkeypatch.setattr(export_model, "run", run)
    told = gambol("export-model", "run", "net", "--int8", "--threads", "2")
    assert told.status == 0 and told.out == "net: there already\n"
    assert asked["cfg"] == export_model.ExportConfig(int8=True)
    assert (asked["trained"], asked["out"], asked["threads"]) == (Path("run"), Path("net"), 2)


def test_what_is_no_run_is_answered_in_one_line(gambol, tmp_path):
    told = gambol("export-model", str(tmp_path), str(tmp_path / "net"))
    assert told.status == 2 and "is no training run" in told.err
    assert not (tmp_path / "net").exists()
