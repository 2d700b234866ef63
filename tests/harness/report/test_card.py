from __future__ import annotations

import pytest

from harness.report.card import card_of_cell, card_of_row, card_with_views
from harness.spec import CellResult, MeasureSpec, RecipeSpec, SittingResult, TtaResult, TtaSpec


def test_a_card_says_everything_that_the_measurements_promise(spec, result) -> None:
    cell = spec("kd", seed=3, recipe=RecipeSpec(epochs=7), teacher="ab12ab12ab12", settings={"weight": 0.5})
    card = card_of_cell(result(cell, 0.5, card={"commit": "c0ffee"}))
    expected = {
        "data": "semantickitti",
        "data.manifest": "a1b2c3d4e5f6a7b8",
        "data.partial": "False",
        "data.label_map": "0123456789ab",
        "network": "minkowskinet",
        "network.width": "0.5",
        "method": "kd",
        "method.weight": "0.5",
        "teacher": "ab12ab12ab12",
        "split": "val",
        "scoring_rule": "semantickitti-official",
        "trained_on": "[train]",
        "tta": "False",
        "recipe.epochs": "7",
        "recipe.optimizer": "adam",
        "recipe.batch_size": "2",
        "recipe.augmentation.rotate_deg": "[0, 360]",
        "seeds": "3",
        "engine": "portable",
        "engine_version": "1",
        "precision": "fp32",
        "device": "AMD EPYC",
        "torch": "2.13.0",
        "harness": "0.1.0",
        "commit": "c0ffee",
        "spec_hash": cell.hash,
        "training.device": "AMD EPYC, threads: 2",
        "macs.scans": "20",
        "latency.protocol": "latency-v1-core",
    }
    assert {key: card.get(key) for key in expected} == expected


def test_a_failed_cell_has_the_card_of_what_was_asked_for(spec) -> None:
    failed = CellResult(spec=spec(train_on=("train", "val")), status="failed", reason="no memory")
    card = card_of_cell(failed)
    assert card["trained_on"] == "[train, val]"
    assert not card.keys() & {"device", "torch", "training.device", "macs.scans", "latency.scans"}


def test_a_training_by_another_version_or_on_another_device_is_told(spec, result) -> None:
    def card(*sittings: tuple[str, str | None, str | None]) -> dict[str, str]:
        made = [
            SittingResult(
                device=device, harness=harness, commit=commit, processes=1, micro_batch=None, steps=1, seconds=1
            )
            for device, harness, commit in sittings
        ]
        return card_of_cell(result(spec(), 0.5, card={"commit": "b"}, sharing={"sittings": tuple(made)}))

    same = card(("A", "0.1.0", "b"), ("A", "0.1.0", "b"))
    assert (same["harness"], same["commit"], same["training.device"]) == ("0.1.0", "b", "A")
    other = card(("A", "0.0.9", "a"), ("B", "0.1.0", "b"))
    assert other["harness"] == "0.1.0, trained by 0.0.9, then 0.1.0"
    assert other["commit"] == "b, trained at a, then b"
    assert other["training.device"] == "A, then B"
    unsaid = card(("A", None, None))
    assert (unsaid["harness"], unsaid["commit"]) == ("0.1.0", "b"), "a version before 0.5 does not say"


def test_the_card_of_augmented_views_has_them_and_no_cost(spec, result) -> None:
    views = TtaSpec(flip=("none", "x"), scale=(0.95, 1.05))
    plain = result(spec(measure=MeasureSpec(tta=views)), 0.5)
    assert plain.score is not None
    both = plain.model_copy(update={"tta": TtaResult(settings=views, views=4, score=plain.score)})
    assert not any(key.startswith("tta.") for key in card_of_cell(both))
    seen, own = card_with_views(both), card_of_cell(both)
    assert (seen["tta"], seen["tta.flip"], seen["tta.scale"]) == ("True", "[none, x]", "[0.95, 1.05]")
    costs = {key for key in own if key.startswith(("macs.", "latency."))}
    assert costs
    assert own.keys() - seen.keys() == costs
    assert {key for key in own if seen.get(key, own[key]) != own[key]} == {"tta"}
    with pytest.raises(ValueError, match="not evaluated with test-time augmentation"):
        card_with_views(plain)


def test_the_card_of_a_row_lists_seeds_and_merges_the_rest(spec, result) -> None:
    cells = [spec("kd", seed, teacher=f"{seed}" * 12) for seed in (2, 0, 1)]
    card = card_of_row([result(cell, 0.5, card={"torch": f"2.1{cell.seed % 2}.0"}) for cell in cells])
    assert card["seeds"] == "0, 1, 2"
    assert card["teacher"] == ", ".join(str(seed) * 12 for seed in (0, 1, 2))
    assert card["spec_hash"] == ", ".join(cells[place].hash for place in (1, 2, 0))
    assert (card["torch"], card["engine"]) == ("2.10.0 or 2.11.0", "portable")
    assert card_of_row([]) == {}


def test_one_seed_has_the_card_of_its_cell(spec, result) -> None:
    only = result(spec(), 0.5)
    assert list(card_of_row([only]).items()) == list(card_of_cell(only).items())
