"""`harness evaluate`: the official score of a folder of predictions, whoever made them."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import json_option, partial_option, print_json, progress_bar, semantickitti_option, to_split


@click.command("evaluate")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder with sequences/NN/predictions/NNNNNN.label.",
)
@semantickitti_option
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True, help="Labelled split.")
@partial_option
@json_option
def command(predictions: Path, semantickitti: Path | None, split: str, partial: bool, as_json: bool) -> None:
    """Score a folder of .label files against SemanticKITTI by the rule of its official script.

    \b
    Examples:
      harness evaluate --predictions out --semantickitti /data/semantickitti --split val
      harness evaluate --predictions out --semantickitti /data/part --partial --json
    """
    from harness.data.roots import find_root
    from harness.data.semantickitti import SemanticKitti
    from harness.evaluate.predictions import evaluate_predictions

    dataset = SemanticKitti(find_root("semantickitti", semantickitti), partial)
    chosen = to_split(split)
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
    for name, value in iou.items():
        click.echo(f"  {name:14s} {100 * value:6.2f} %")
