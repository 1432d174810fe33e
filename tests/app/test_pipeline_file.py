import pytest

from gambol.app import pipeline_file
from gambol.app.pipeline_file import command, read
from gambol.core.errors import InputError


def made(folder, text, files=("films/a.mp4", "films/b.mp4")):
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"film")
    file = folder / "mice.yaml"
    file.write_text(text)
    return file


def words(known, step, name=None):
    one = next((one for one in known.recordings if one.name == name), None)
    return command(known.file, next(s for s in known.steps if s.name == step), one)


def test_files_that_match_fill_the_blanks_of_commands(tmp_path):
    known = read(made(tmp_path, """
        recordings: films/*.mp4
        steps:
          poses: >-
            gambol predict 'my run' {path} --out poses
            --set "backbone={kind: unet}"
          map: {once: map poses --out map, gpus: 2}
          more: {each: info}
        """))  # fmt: skip
    assert [one.name for one in known.recordings] == ["a", "b"]
    steps = [(step.once, step.gpus) for step in known.steps]
    assert known.folder == tmp_path and steps == [(False, 0), (True, 2), (False, 0)]
    said = ("predict", "my run", "films/b.mp4", "--out", "poses", "--set")
    assert words(known, "poses", "b") == (*said, "backbone={kind: unet}")
    assert words(known, "map") == ("map", "poses", "--out", "map")


@pytest.mark.parametrize(
    "said",
    [
        "recordings: {day1: {left: films/a.mp4, right: films/b.mp4}}",
        "recordings: rigs.csv",
    ],
)
def test_a_recording_may_have_several_things_that_belong_to_it(said, tmp_path):
    (tmp_path / "rigs.csv").write_text("name,left,right\nday1,films/a.mp4,films/b.mp4\n")
    steps = "steps: {poses: 'predict run {left} {right} --out poses/{name}'}"
    known = read(made(tmp_path, f"{said}\n{steps}"))
    expected = ("predict", "run", "films/a.mp4", "films/b.mp4", "--out", "poses/day1")
    assert words(known, "poses", "day1") == expected


def test_recordings_are_listed_left_out_and_found_by_several_patterns(tmp_path):
    text = "recordings: ['films/a*', 'films/b*']\nwithout: [a]\nsteps: {clean: 'clean {path}'}"
    assert [one.name for one in read(made(tmp_path, text)).recordings] == ["b"]
    films = (tmp_path / "films").as_posix()
    known = read(made(tmp_path, f"recordings: '{films}/*.mp4'\nsteps: {{i: 'info {{path}}'}}"))
    assert words(known, "i", "a") == ("info", (tmp_path / "films/a.mp4").as_posix())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("recordings: films/*.mp4\nsteps: {}", "steps"),
        ("recordings: films/*.avi\nsteps: {i: 'info {path}'}", "nothing matches 'films/"),
        ("recordings: films/*\nsteps: {i: 'info {pth}'}", "did you mean 'path'"),
        ("recordings: films/*\nsteps: {i: {once: 'info {path}'}}", "done once, so {path} says"),
        ("recordings: films/*\nsteps: {i: {twice: info}}", "twice"),
        ("recordings: films/*\nsteps: {i: {gpus: 1}}", "write a command, or once:"),
        ("recordings: films/*\nsteps: {i: {each: info, once: info}}", "write a command, or"),
        ("recordings: films/*\nsteps: {i: {each: info, gpus: -1}}", "gpus"),
        ("recordings: films/*\nsteps: {i: 'info \"'}", "quotes that do not match"),
        ("recordings: films/*\nsteps: {i: gambol}", "step i is empty"),
        ("recordings: films/*\nsteps: {a/b: 'info {path}'}", "'a/b' is no name"),
        ("recordings: [films/a*, films/*]\nsteps: {i: info}", "two recordings are named a"),
        ("recordings: films/*\nwithout: [c]\nsteps: {i: info}", "'c', which is no recording"),
        ("recordings: films/*\nwithout: [a, b]\nsteps: {i: info}", "no recording is left"),
        ("recordings: {'../up': x}\nsteps: {i: info}", "'../up' is no name of a file"),
        ("recordings: {all recordings: x}\nsteps: {i: info}", "is no name of a file"),
        ("recordings: none.csv\nsteps: {i: info}", "none.csv does not exist"),
        ("recordings: films/*\nstep: {i: info}", "did you mean 'steps'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_done(text, said, tmp_path):
    with pytest.raises(InputError) as told:
        read(made(tmp_path, text))
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [("film\na.mp4\n", "no column name"), ("name,film\na\n", "line 2 has not as many cells")],
)
def test_tables_have_names_and_all_their_cells(table, said, tmp_path):
    (tmp_path / "t.csv").write_text(table)
    with pytest.raises(InputError, match=said):
        read(made(tmp_path, "recordings: t.csv\nsteps: {i: info}"))


def test_the_example_of_the_module_is_one(tmp_path):
    lines = pipeline_file.__doc__.splitlines()
    text = "\n".join(line[4:] for line in lines if line.startswith("    "))
    assert [step.name for step in read(made(tmp_path, text)).steps] == ["poses", "clean", "map"]
