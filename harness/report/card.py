"""The protocol card of a number: everything that a reader must know before comparing it with another."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.cost_card import card_of_macs, card_of_own_latency
from harness.report.flat import as_text, flat_data, flat_method, flat_network, flatten, merge
from harness.report.sharing import sharing
from harness.spec import CellResult, CellSpec, ProtocolCard, TrainingResult

LISTED = ("seeds", "teacher", "spec_hash")
"""Keys that have a value for each seed of a row by their nature."""


def card_of_cell(result: CellResult) -> dict[str, str]:
    """Return the complete card of a cell's numbers, in the order of reading: text by dotted key.

    ``macs.`` and ``latency.`` belong to these two numbers alone, all else to every number of the cell; of one that has
    failed there is just what its spec demanded.
    """
    card = _demanded(result.spec)
    if result.protocol is not None:
        card |= _protocol(result.protocol, result.training)
        if result.protocol.tta and result.tta is not None:
            card |= flatten(result.tta.settings.model_dump(mode="json"), "tta.")
    if result.training is not None:
        devices = dict.fromkeys(sitting.device for sitting in result.training.known_sittings())
        card |= {"training.device": ", then ".join(devices), "training.in_parts": sharing(result) or "no"}
    if result.macs is not None:
        card |= card_of_macs(result.macs)
    if result.latency is not None:
        card |= card_of_own_latency(result.latency)
    return card


def card_with_views(result: CellResult) -> dict[str, str]:
    """Return the card of a cell's accuracy with test-time augmentation, whose cost is not measured.

    Raises:
        ValueError: the cell has no such number.
    """
    if result.protocol is None or result.tta is None:
        raise ValueError(f"{result.spec.cell} was not evaluated with test-time augmentation")
    seen = result.protocol.model_copy(update={"tta": True})
    return card_of_cell(result.model_copy(update={"protocol": seen, "macs": None, "latency": None}))


def card_of_row(results: Sequence[CellResult]) -> dict[str, str]:
    """Return the card of figures over several seeds: seeds, teachers and spec hashes listed, all else merged."""
    cards = [card_of_cell(result) for result in sorted(results, key=lambda result: result.spec.seed)]
    listed = {key: ", ".join(dict.fromkeys(card[key] for card in cards)) for key in LISTED if cards}
    return merge(cards) | listed


def _demanded(spec: CellSpec) -> dict[str, str]:
    recipe = spec.recipe.model_dump(mode="json")
    del recipe["name"]  # what a recipe is called makes no difference
    return {
        **flat_data(spec.dataset),
        **flat_network(spec.backbone),
        "method": "teacher" if spec.role == "teacher" else spec.method.label,
        **{f"method.{key}": value for key, value in flat_method(spec.method).items()},
        "teacher": as_text(spec.teacher),
        "trained_on": as_text(spec.train_on),
        "seeds": str(spec.seed),
        "spec_hash": spec.hash,
        **dict(flatten(recipe, "recipe.")),
        "precision": spec.precision,
        "engine": spec.engine,
    }


def _protocol(protocol: ProtocolCard, training: TrainingResult | None) -> dict[str, str]:
    """Flatten a result's own card; the version that trained is told where it is another than that which scored."""
    card = dict(flatten(protocol.model_dump(mode="json")))
    sittings = () if training is None else training.sittings
    for key, before in (("harness", "trained by"), ("commit", "trained at")):
        others = dict.fromkeys(as_text(getattr(sitting, key)) for sitting in sittings if sitting.harness is not None)
        if any(other != card[key] for other in others):
            card[key] += f", {before} {', then '.join(others)}"
    return card
