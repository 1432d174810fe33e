from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BeforeValidator, PositiveInt, SerializeAsAny

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.registry import Registry, Spec


class Light(Config):
    brightness: float = 0.2
    gamma: tuple[float, float] = (0.8, 1.25)


parts = Registry[str]("backbone")


class UNet(Spec):
    kind: Literal["unet"] = "unet"
    filters: PositiveInt = 16


@parts.register
def unet(spec: UNet) -> str:
    return f"unet of {spec.filters}"


class Line(Spec):
    kind: Literal["line"] = "line"
    width: PositiveInt = 2


@parts.register
def line(spec: Line) -> str:
    return f"line of {spec.width}"


class Demo(Config):
    steps: PositiveInt = 10
    name: str = "ä mouse: 1"
    light: Light = Light()
    minutes: float | None = None
    backbone: Annotated[SerializeAsAny[Spec], BeforeValidator(parts.parse)] = UNet()


@given(
    st.integers(1, 10**9),
    st.text(st.characters(exclude_categories=("Cs",))),
    st.none() | st.floats(0, 1e6),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_the_yaml_written_is_the_yaml_read(tmp_path_factory, steps, name, minutes, bright):
    cfg = Demo(steps=steps, name=name, minutes=minutes, light=Light(brightness=bright))
    path = tmp_path_factory.getbasetemp() / "demo.yaml"
    cfg.to_yaml(path)
    assert Demo.from_yaml(path) == cfg
    assert Demo.from_yaml(path).fingerprint() == cfg.fingerprint()


def test_the_file_holds_every_default(tmp_path):
    Demo().to_yaml(tmp_path / "d.yaml")
    text = (tmp_path / "d.yaml").read_text(encoding="utf-8")
    assert all(word in text for word in ("steps", "name", "brightness", "gamma", "filters"))


def test_an_empty_file_means_the_defaults(tmp_path):
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert Demo.from_yaml(tmp_path / "empty.yaml") == Demo()


@pytest.mark.parametrize(
    "text, words",
    [
        ("setps: 3", ["setps", "did you mean 'steps'"]),
        ("droput: 1", ["droput", "there are steps"]),
        ("light: {brigthness: 1}", ["light.brigthness", "did you mean 'brightness'"]),
        ("steps: many", ["steps", "'many'"]),
        ("steps: 0", ["steps", "greater than 0", "got 0"]),
        ("backbone: {kind: vnet}", ["backbone", "'vnet'", "unet"]),
        ("backbone: {kind: unet, filtres: 3}", ["filtres", "did you mean 'filters'"]),
        ("backbone: unet", ["backbone", "kind"]),
        ("- 1\n- 2", ["key: value"]),
        ("just words", ["key: value"]),
        ("steps: [1", ["not YAML"]),
        ("a: !!python/object/apply:os.system ['true']", ["not YAML"]),
    ],
)
def test_one_sentence_names_file_value_and_remedy(tmp_path, text, words):
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        Demo.from_yaml(path)
    message = str(caught.value)
    assert "\n" not in message and "settings.yaml" in message
    for word in words:
        assert word in message


def test_a_file_that_is_no_text_and_one_that_is_not_there_are_named(tmp_path):
    (tmp_path / "image.yaml").write_bytes(b"\xff\xfe\x00\x80")
    for name in ("image.yaml", "nowhere.yaml"):
        with pytest.raises(InputError, match=name):
            Demo.from_yaml(tmp_path / name)
    with pytest.raises(InputError, match=tmp_path.name):
        Demo.from_yaml(tmp_path)


def test_overrides_reach_into_blocks_and_leave_the_rest():
    cfg = Demo(steps=7).override(["light.brightness=0.5", "light.gamma=[1, 2]", "minutes=null"])
    assert cfg == Demo(steps=7, light=Light(brightness=0.5, gamma=(1, 2)))
    assert Demo().override(["backbone.filters=8"]).backbone == UNet(filters=8)
    assert Demo().override(["name=a=b"]).name == "a=b"
    assert Demo().override([]) == Demo()


def test_a_block_of_another_kind_has_the_defaults_of_that_kind():
    cfg = Demo().override(["backbone.filters=8", "backbone.kind=line"])
    assert cfg.backbone == Line(width=2)
    assert Demo().override(["backbone.kind=line", "backbone.width=5"]).backbone == Line(width=5)
    assert Demo().override(["backbone.filters=8", "backbone.kind=unet"]).backbone.filters == 8


def test_an_override_reaches_into_a_block_that_is_still_to_be_chosen():
    class Chosen(Config):
        light: Light | None = None

    cfg = Chosen().override(["light.brightness=0.5"])
    assert cfg.light == Light(brightness=0.5)
    with pytest.raises(InputError, match="no setting 'light.brigthness'"):
        Chosen().override(["light.brigthness=1"])


@pytest.mark.parametrize(
    "assignment, word",
    [
        ("steps", "key=value"),
        ("stepz=3", "did you mean 'steps'"),
        ("ligth.brightness=1", "did you mean 'light'"),
        ("steps.deep=1", "no block 'steps'"),
        ("light.brigthness=1", "did you mean 'brightness'"),
        ("steps=[1", "steps=\\[1"),
        ("=3", "key=value"),
    ],
)
def test_a_wrong_override_is_quoted(assignment, word):
    with pytest.raises(InputError, match=word):
        Demo().override([assignment])


def test_who_is_to_blame_for_an_override_can_be_said():
    with pytest.raises(InputError, match=r"^--steps: steps: .*greater than 0, got -1"):
        Demo().override(["steps=-1"], "--steps")


def test_settings_do_not_change_once_made():
    with pytest.raises(ValueError, match="frozen"):
        Demo().steps = 3


def test_the_fingerprint_changes_exactly_when_a_setting_does():
    changed = {Demo().override([a]).fingerprint() for a in ("steps=11", "light.brightness=1",
               "backbone.filters=17", "minutes=1.0")}  # fmt: skip
    assert len(changed | {Demo().fingerprint()}) == 5
    assert Demo().fingerprint() == Demo(steps=10).fingerprint()
