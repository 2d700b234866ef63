from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from harness.cli import cli


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and group below one."""
    if path:
        yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, (*path, name))


@pytest.mark.parametrize("words", list(commands(cli)), ids=" ".join)
def test_every_command_has_help_with_an_example(harness, words: tuple[str, ...]) -> None:
    result = harness(*words, "--help")
    assert result.code == 0
    assert f"harness {' '.join(words)}" in result.out.partition("Examples:")[2]


def test_version(harness) -> None:
    from harness.version import VERSION

    assert VERSION in harness("--version").out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["runn"], "No such command 'runn'"),
        (["run"], "Missing option '--matrix'"),
        (["run", "--matrix", "nothing"], "--matrix nothing: found nothing of that name"),
        (["run", "--matrix", "first-run", "--semantickitti", "no/such/place"], "no/such/place: found no such folder"),
        (["show", "--out", "nowhere", "x"], "0 cells"),
        (["submit", "semantickitti", "--out", "nowhere", "x"], "0 cells"),
        (["data", "check", "--semantickitti", "no/such/place"], "no such folder"),
        (["measure", "macs", "--scan", "no-file.bin"], "no-file.bin"),
    ],
)
def test_a_users_mistake_is_one_paragraph_and_exit_code_2(
    harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = harness(*arguments)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err


def test_a_root_named_nowhere_lists_the_three_ways(harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEMANTICKITTI_ROOT", raising=False)
    result = harness("run", "--matrix", "first-run")
    assert result.code == 2
    for way in ("--semantickitti DIR", "SEMANTICKITTI_ROOT", "harness.toml", "--matrix demo"):
        assert way in result.err


def test_ls_backbones(harness) -> None:
    rows = json.loads(harness("ls", "backbones", "--json").out)
    assert {row["classes"] for row in rows} == {19}
    assert [(row["name"], row["width"], row["outputs"], round(row["parameters"] / 1e6, 2)) for row in rows] == [
        ("minkowskinet", 1.0, 19, 21.72),
        ("minkowskinet", 0.5, 19, 5.44),
        ("spvnas", 1.0, 19, 21.78),
        ("spvnas", 0.5, 19, 5.45),
        ("cylinder3d", 1.0, 19, 55.85),
        ("cylinder3d", 0.5, 19, 14.07),
        ("cylinder3d", 1.0, 20, 55.85),
        ("cylinder3d", 0.5, 20, 14.07),
    ]
    assert [row["parameters"] for row in rows[-2:]] == [55_853_366, 14_071_542]
    assert "21.72 M" in harness("ls", "backbones").out


def test_a_broken_method_of_an_installed_package_is_listed_with_its_fault(
    harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "somebody_else-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody-else\nVersion: 1.0\n")
    entries = "[harness.methods]\nbare = bare_methods:Bare\nbroken = no_such_module:Method\n"
    (metadata / "entry_points.txt").write_text(entries)
    text = "from baselines.none import NoDistillation\nclass Bare(NoDistillation): ...\n"
    (tmp_path / "bare_methods.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    methods = {row["name"]: row for row in json.loads(harness("ls", "methods", "--json").out)}
    assert methods["bare"]["summary"] == ""
    assert "can't be imported" in methods["broken"]["summary"]
    assert harness("ls", "methods").code == 0


def test_ls_methods_matrices_datasets_engines(harness) -> None:
    methods = {row["name"]: row for row in json.loads(harness("ls", "methods", "--json").out)}
    assert set(methods) >= {"none", "logit_kd", "pvd"}
    assert methods["pvd"]["settings"]["point_output_weight"] == 0.1
    matrices = {row["matrix"]: row for row in json.loads(harness("ls", "matrices", "--json").out)}
    assert (matrices["demo"]["datasets"], matrices["demo"]["cells"]) == ("semantickitti (synthetic)", 12)
    assert (matrices["full"]["datasets"], matrices["full"]["cells"]) == ("semantickitti, nuscenes", 108)
    assert json.loads(harness("ls", "datasets", "--json").out)[0]["scans"] == {
        "train": 19130,
        "val": 4071,
        "test": 20351,
    }
    engines = json.loads(harness("ls", "engines", "--json").out)
    assert engines[0]["name"] == "portable"
    assert engines[0]["usable"]


def test_ls_cells_of_an_empty_store(harness, tmp_path: Path) -> None:
    assert json.loads(harness("ls", "cells", "--out", tmp_path, "--json").out) == []
    assert "harness run --matrix demo" in harness("ls", "cells", "--out", tmp_path).out


def test_ls_recipes_has_every_key_of_every_recipe(harness) -> None:
    rows = json.loads(harness("ls", "recipes", "--dataset", "nuscenes", "--json").out)
    chosen = {(row["recipe"], row["backbone"]): row for row in rows}
    assert len(chosen) == 9
    assert chosen["released", "cylinder3d"]["augmentation"]["rotate_deg"] == [-180, 180]
    assert chosen["mix", "spvnas"]["augmentation"]["mix"]["inclination_deg"] == [-30, 10]
    assert "lasermix polarmix" in harness("ls", "recipes").out
