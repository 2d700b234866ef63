"""`harness ls`: what there is."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.data_options import DATASETS
from harness.cli.ls_cells import cells
from harness.cli.options import json_option
from harness.cli.rows import show_rows


@click.group("ls")
def command() -> None:
    """List matrices, cells, backbones, methods, data sets, recipes or engines.

    \b
    Examples:
      harness ls cells --out runs
      harness ls backbones --json
    """


command.add_command(cells)


@command.command("matrices")
@json_option
def matrices(as_json: bool) -> None:
    """List the matrices that ship with the harness.

    \b
    Examples:
      harness ls matrices
    """
    from collections import Counter

    from harness.config.matrix_file import load_matrix, shipped_matrices
    from harness.config.resolve import resolve_method
    from harness.matrix.plan import count_cells

    rows: list[dict[str, Any]] = []
    for name in shipped_matrices():
        matrix = load_matrix(name)
        backbones = ", ".join(backbone.name for backbone in matrix.backbones)
        labels = Counter(resolve_method(method, name).label for method in matrix.methods)
        methods = ", ".join(label if times == 1 else f"{label} ({times} settings)" for label, times in labels.items())
        data = ", ".join(f"{data.name}{' (synthetic)' if data.synthetic else ''}" for data in matrix.datasets)
        row = {"matrix": name, "datasets": data, "backbones": backbones, "methods": methods}
        rows.append({**row, "seeds": len(matrix.seeds), "cells": count_cells(matrix)})
    show_rows(rows, as_json, "none")


@command.command("backbones")
@click.option("--classes", type=click.IntRange(2, 1000), default=19, show_default=True, help="Scored classes.")
@json_option
def backbones(classes: int, as_json: bool) -> None:
    """List the backbones at widths 1.0 and 0.5 with the parameters that a prediction uses, and their stages.

    A row with one more output than classes counts as the released files do, which have an output for the ignored id.

    \b
    Examples:
      harness ls backbones --json
    """
    import torch

    from backbones.build import NAMES, backbone_kind, build_backbone, count_parameters

    rows: list[dict[str, Any]] = []
    for name in NAMES:
        for outputs in (classes, classes + 1) if backbone_kind(name).ignored_output else (classes,):
            for width in (1.0, 0.5):
                with torch.device("meta"):
                    network = build_backbone(name, width, outputs)
                row: dict[str, Any] = {"name": name, "width": width, "classes": classes, "outputs": outputs}
                row["parameters"] = count_parameters(network)
                rows.append({**row, "stages": dict(network.stage_channels)})
    if not as_json:
        for row in rows:
            row["parameters"] = f"{row['parameters'] / 1e6:.2f} M"
            row["stages"] = " ".join(f"{stage}:{channels}" for stage, channels in row["stages"].items())
    show_rows(rows, as_json, "none")


@command.command("methods")
@json_option
def methods(as_json: bool) -> None:
    """List the distillation methods with their settings and defaults.

    \b
    Examples:
      harness ls methods
    """
    from pydantic_core import to_jsonable_python

    from baselines.registry import UnknownMethodError, load_method, method_names

    rows: list[dict[str, Any]] = []
    for name in method_names():
        try:
            kind = load_method(name)
        except UnknownMethodError as error:
            rows.append({"name": name, "needs_teacher": None, "summary": str(error), "settings": {} if as_json else ""})
            continue
        settings = {
            key: "required" if field.is_required() else to_jsonable_python(field.get_default(call_default_factory=True))
            for key, field in kind.Settings.model_fields.items()
        }
        summary = next(iter((kind.__doc__ or "").strip().splitlines()), "")
        row: dict[str, Any] = {
            "name": name,
            "needs_teacher": kind.needs_teacher,
            "summary": summary,
            "settings": settings,
        }
        rows.append(row if as_json else {**row, "settings": " ".join(f"{k}={v}" for k, v in settings.items())})
    show_rows(rows, as_json, "none")


@command.command("datasets")
@json_option
def datasets(as_json: bool) -> None:
    """List the data sets with their splits.

    \b
    Examples:
      harness ls datasets
    """
    from harness.data.open import DATASETS, dataset_kind

    rows = []
    for name in DATASETS:
        kind = dataset_kind(name)
        settings = {key: field.default for key, field in kind.Settings.model_fields.items()}
        row: dict[str, Any] = {"name": name, "classes": len(kind.class_names) - 1, "scans": dict(kind.official_counts)}
        rows.append({**row, "scored_by": kind.scoring_rule, "root": f"--{kind.root_name}", "settings": settings})
    if not as_json:
        for row in rows:
            row["scans"] = " ".join(f"{split}:{count}" for split, count in row["scans"].items())
            row["settings"] = " ".join(f"{key}={value}" for key, value in row["settings"].items())
    show_rows(rows, as_json, "none")


@command.command("recipes")
@click.option("--dataset", type=click.Choice(DATASETS), default=DATASETS[0], show_default=True, help="To train on.")
@json_option
def recipes(dataset: str, as_json: bool) -> None:
    """List the recipes that ship with the harness, backbone by backbone; --json has every key.

    \b
    Examples:
      harness ls recipes --dataset nuscenes
    """
    from backbones.build import NAMES
    from harness.config.recipes import resolve_recipe, shipped_recipes

    task = next(name for name in DATASETS if name == dataset)
    rows: list[dict[str, Any]] = []
    for name in shipped_recipes():
        for backbone in NAMES:
            recipe = resolve_recipe(name, backbone, task, f"recipe {name}")
            whole = recipe.model_dump(mode="json", exclude={"name"})
            shown = {key: whole[key] for key in ("epochs", "batch_size", "optimizer", "learning_rate", "schedule")}
            mix = recipe.augmentation.mix
            row = {"recipe": name, "backbone": backbone}
            rows.append(row | (whole if as_json else {**shown, "mix": None if mix is None else " ".join(mix.kinds)}))
    show_rows(rows, as_json, "none")


@command.command("engines")
@json_option
def engines(as_json: bool) -> None:
    """List the sparse-convolution engines and whether they can be used here; `harness doctor` tests and times them.

    \b
    Examples:
      harness ls engines
    """
    from functools import partial

    from backbones.sparse.engine import engine_names, get_engine
    from harness.doctor.engines import load_engine

    rows = []
    for name in engine_names():
        engine = load_engine(name, partial(get_engine, name))
        found = {"version": None, "usable": False, "reason": engine}
        if not isinstance(engine, str):
            found = {"version": engine.version, "usable": True, "reason": None}
        rows.append({"name": name, **found})
    show_rows(rows, as_json, "none")
