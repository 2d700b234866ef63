"""The score of a file of weights, be they converted or a cell's, on scans that they were not trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch

from backbones.backbone import Backbone
from backbones.sparse.engine import get_engine
from harness.data.dataset import Dataset
from harness.data.splits import Split
from harness.errors import HarnessError
from harness.evaluate.evaluate import predict
from harness.evaluate.score import score_predictions
from harness.matrix.data import read_batches
from harness.matrix.protocol import protocol_card
from harness.spec import BackboneSpec, ProtocolCard, ScoreResult
from harness.store import CellFolder
from harness.train.converted import load_converted, read_card
from harness.train.learner import build_network, network_voxelizer
from harness.train.weights import FILE, load_weights

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (scans done, scans in all)."""

UNKNOWN = "unknown"
"""What a protocol card says a network was trained on when nobody told."""


@dataclass(frozen=True)
class _Weights:
    """A file of weights and what is known of it.

    Attributes:
        path: the file.
        backbone: the network.
        trained_on: splits; None where nobody told.
        load: builds the network with these weights on an engine.
    """

    path: Path
    backbone: BackboneSpec
    trained_on: tuple[str, ...] | None
    load: Callable[[str], Backbone]


def score_weights(
    path: Path,
    dataset: Dataset,
    split: Split,
    device: torch.device,
    engine: str = "auto",
    progress: Progress = lambda done, total: None,
) -> tuple[ScoreResult, ProtocolCard]:
    """Score a network by the official rule of a data set, on all scans of a split.

    Args:
        path: a file written by `harness convert`, or ``weights.safetensors`` in a cell's folder.
        dataset: the copy to score on.
        split: with public labels.
        device: to predict on.
        engine: name of what computes the sparse layers.
        progress: called after every scan.

    Returns:
        The score, and the card that it must be read with.

    Raises:
        HarnessError: the network was trained on the split by its own card, or has other classes than the data set; the
            split has no labels, or ignored points alone; the weights or a scan can't be read.
        EngineError: the engine is missing or can't express the network.
    """
    weights = _read(path)
    _require_fit(weights, dataset, split)
    scan_ids = dataset.scan_ids(split)
    if not all(map(dataset.labelled, scan_ids)):
        remedy = "Choose train or val; the leaderboard scores the test split."
        raise HarnessError(f"{dataset.root}, {split} split", "no public labels", "a labelled split", remedy)
    name = get_engine(engine).name
    network = weights.load(name).to(device)
    predictions = predict(network, network_voxelizer(weights.backbone), read_batches(dataset, scan_ids), device)
    try:
        score = score_predictions(
            predictions, type(dataset), scan_ids, device, lambda done: progress(done, len(scan_ids))
        )
    except ValueError as error:
        remedy = "Score a split or a copy with labelled points."
        raise HarnessError(f"{dataset.root}, {split} split", str(error), "labelled points", remedy) from error
    card = protocol_card(dataset.name, split, weights.trained_on or (UNKNOWN,), name, device)
    return score, card.model_copy(update={"weights": "last epoch" if _is_cells(path) else "as given"})


def weights_backbone(path: Path) -> BackboneSpec:
    """Return the network that a file of weights is of.

    Raises:
        HarnessError: the file does not say.
    """
    return _read(path).backbone


def _read(path: Path) -> _Weights:
    return _cell_weights(path) if _is_cells(path) else _converted_weights(path)


def _is_cells(path: Path) -> bool:
    return path.name == FILE and (path.parent / "spec.json").exists()


def _cell_weights(path: Path) -> _Weights:
    """Return the weights of a cell, whose spec says what they were trained on; loading them compares what they say."""
    spec = CellFolder(path.parent).spec()

    def load(engine: str) -> Backbone:
        network = build_network(spec.backbone, engine, spec.seed)
        load_weights(network, path, spec.train_on)
        return network

    return _Weights(path, spec.backbone, spec.train_on, load)


def _converted_weights(path: Path) -> _Weights:
    card = read_card(path)
    return _Weights(path, card.backbone, card.trained_on, lambda engine: load_converted(path, engine))


def _require_fit(weights: _Weights, dataset: Dataset, split: Split) -> None:
    """Refuse a score that would mean nothing.

    Raises:
        HarnessError: the network has seen the split, or its outputs stand for other classes.
    """
    if weights.trained_on is not None and split in weights.trained_on:
        found = f"a network that was trained on {' and '.join(weights.trained_on)}"
        remedy = "Its score there would say how well it remembers: choose another split, or send it to the leaderboard."
        raise HarnessError(weights.path, found, f"one that has not seen the {split} split", remedy)
    classes = dataset.label_map.classes
    if weights.backbone.classes != classes:
        found = f"a network with {weights.backbone.classes} classes"
        expected = f"the {classes} of {dataset.name}"
        raise HarnessError(weights.path, found, expected, "Name the data set that it was trained for.")
