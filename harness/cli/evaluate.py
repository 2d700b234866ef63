"""`harness evaluate`: the official score of a folder of predictions, whoever made them, or of a network's weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.data_options import DataChoice, dataset_options
from harness.cli.folded import card_text
from harness.cli.options import device_option, json_option, print_json, progress_bar, refuse_beside, to_split
from harness.cli.score_lines import score_lines

if TYPE_CHECKING:
    from harness.data.dataset import Dataset
    from harness.data.splits import Split
    from harness.spec import ScoreResult

WORKERS = 2


@click.command("evaluate")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with sequences/NN/predictions/NNNNNN.label, or of nuScenes lidarseg/SPLIT/TOKEN_lidarseg.bin.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Instead: a network to predict with, of `harness convert` or weights.safetensors of a cell.",
)
@dataset_options
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True, help="Labelled split.")
@click.option("--by-distance", is_flag=True, help="Of a folder: also score each ten metres to 50 m; reads the points.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=WORKERS, show_default=True, help="Of a folder: processes."
)
@click.option("--hash", "hashed", is_flag=True, help="Of a folder: also hash the label files that were compared.")
@device_option
@click.option("--engine", default="auto", show_default=True, help="Of weights: see `harness ls engines`.")
@json_option
def command(
    predictions: Path | None,
    weights: Path | None,
    data: DataChoice,
    split: str,
    by_distance: bool,
    workers: int,
    hashed: bool,
    device: str,
    engine: str,
    as_json: bool,
) -> None:
    """Score predictions against a data set by the rule of its official script, to the same digits.

    The multi-scan task scores its 25 classes on the points of each current scan, one label for each of them. nuScenes
    takes classes 1 to 16, one byte each. A network that was trained on the split is refused.

    \b
    Examples:
      harness evaluate --predictions out --semantickitti /data/semantickitti --by-distance
      harness evaluate --predictions out --semantickitti /data/part --partial --json
      harness evaluate --predictions out --nuscenes /data/nuscenes --hash
      harness evaluate --weights cylinder3d.safetensors --semantickitti /data/semantickitti --device cuda
    """
    if (predictions is None) == (weights is None):
        raise click.UsageError("Name --predictions DIR or --weights FILE: one of them.")
    chosen = to_split(split)
    if weights is not None:
        refuse_beside("--weights", "by_distance", "workers", "hashed")
        dataset = data.open()
        scored = _of_weights(weights, dataset, chosen, device, engine)
    elif predictions is not None:
        refuse_beside("--predictions", "device", "engine")
        dataset = data.open()
        scored = _of_folder(predictions, dataset, chosen, workers, by_distance, hashed)
    _print(scored, dataset, chosen, as_json)


@dataclass(frozen=True)
class _Scored:
    """A score and what it rests on.

    Attributes:
        score: by the official rule.
        card: its protocol card, by dotted keys.
        record: more that JSON has.
    """

    score: ScoreResult
    card: Mapping[str, str]
    record: Mapping[str, Any] = field(default_factory=dict)


def _of_folder(
    predictions: Path, dataset: Dataset, split: Split, workers: int, by_distance: bool, hashed: bool
) -> _Scored:
    """Score a folder of predictions; nothing here imports torch.

    Raises:
        HarnessError: a prediction or its truth is missing or damaged.
    """
    from harness.evaluate.folder_hashes import folder_hashes
    from harness.evaluate.predictions import evaluate_predictions
    from harness.matrix.working_copy import working_copy
    from harness.report.own_cards import card_of_folder

    with progress_bar("evaluate") as progress:
        score = evaluate_predictions(predictions, dataset, split, progress, workers, by_distance)
    hashes = {}
    if hashed:
        found = folder_hashes(dataset, split, predictions)
        hashes = {"network.predictions_sha256": found.predictions, "data.truth_sha256": found.truth}
    copy = working_copy()
    commit = None if copy is None else copy.description
    return _Scored(score, card_of_folder(dataset.description((split,)), split, dataset.scoring_rule, commit, hashes))


def _of_weights(weights: Path, dataset: Dataset, split: Split, device: str, engine: str) -> _Scored:
    """Predict with a network and score it.

    Raises:
        HarnessError: the network can't be read, was trained on the split, or needs an engine that is not here.
    """
    from backbones.sparse.engine import EngineError
    from harness.errors import HarnessError
    from harness.matrix.weights_score import score_weights, weights_backbone
    from harness.measure.device import choose_device
    from harness.report.own_cards import card_of_weights

    try:
        with progress_bar("evaluate") as progress:
            score, card = score_weights(weights, dataset, split, choose_device(device), engine, progress)
    except EngineError as error:
        raise HarnessError("--engine", repr(engine), "an engine that computes this network here", str(error)) from error
    description, backbone = dataset.description((split,)), weights_backbone(weights)
    record = {"protocol": card.model_dump(mode="json")}
    return _Scored(score, card_of_weights(description, backbone, card), record)


def _print(scored: _Scored, dataset: Dataset, split: Split, as_json: bool) -> None:
    from harness.evaluate.stretches import sequence_scores

    rule, listed = dataset.scoring_rule, dataset.completeness(split)
    sequences = sequence_scores(rule, scored.score.stretches, dataset.class_names[1:])
    if as_json:
        marks = {"scans": listed.found, "partial": bool(listed.missing), "synthetic": dataset.synthetic}
        by_sequence = {name: asdict(found) for name, found in sequences.items()}
        told = {"by_sequence": by_sequence, "scoring_rule": rule, "split": split, **marks, "card": scored.card}
        print_json({**scored.score.model_dump(mode="json"), **told, **scored.record})
        return
    daggers = " †partial" * bool(listed.missing) + " †synthetic" * dataset.synthetic
    head = f"{split}, {listed.found} of {listed.official} scans{daggers}, rule {rule}"
    for line in score_lines(scored.score, sequences, head):
        click.echo(line)
    for line in card_text(scored.card):
        click.echo(line)
