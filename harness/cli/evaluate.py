"""`harness evaluate`: the official score of a folder of predictions, whoever made them."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.data_options import DataChoice, dataset_options
from harness.cli.options import json_option, print_json, progress_bar, to_split


@click.command("evaluate")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder with sequences/NN/predictions/NNNNNN.label.",
)
@dataset_options
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True, help="Labelled split.")
@json_option
def command(predictions: Path, data: DataChoice, split: str, as_json: bool) -> None:
    """Score a folder of .label files against SemanticKITTI by the rule of its official script.

    The multi-scan task scores its 25 classes on the points of each current scan, one label for each of them.

    \b
    Examples:
      harness evaluate --predictions out --semantickitti /data/semantickitti --split val
      harness evaluate --predictions out --semantickitti /data/part --partial --json
      harness evaluate --predictions out --semantickitti /data/semantickitti --dataset semantickitti-multiscan
    """
    from harness.data.semantickitti import SemanticKitti
    from harness.errors import HarnessError
    from harness.evaluate.predictions import evaluate_predictions

    dataset, chosen = None if data.name == "nuscenes" else data.open(), to_split(split)
    if not isinstance(dataset, SemanticKitti):
        found, remedy = "a data set whose predictions are no .label files", "Its cells are scored by `harness tables`."
        raise HarnessError(f"--dataset {data.name}", found, "a task of SemanticKITTI", remedy)
    with progress_bar("evaluate") as progress:
        scores = evaluate_predictions(predictions, dataset, chosen, progress)
    completeness = dataset.completeness(chosen)
    iou = dict(zip(dataset.label_map.names[1:], scores.iou, strict=True))
    record = {
        "miou": scores.miou,
        "accuracy": scores.accuracy,
        "iou": iou,
        "scoring_rule": scores.rule,
        "split": split,
        "scans": completeness.found,
        "partial": bool(completeness.missing),
        "synthetic": dataset.synthetic,
        "confusion": scores.confusion.tolist(),
    }
    if as_json:
        print_json(record)
        return
    marks = f"{completeness.found} of {completeness.official} scans" + (" †partial" if completeness.missing else "")
    click.echo(f"mIoU {100 * scores.miou:.2f} %  ({split}, {marks}, rule {scores.rule})")
    width = max(map(len, iou))
    for name, value in iou.items():
        click.echo(f"  {name:{width}s} {100 * value:6.2f} %")
