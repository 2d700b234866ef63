import pytest

from harness.config.models import MethodConfig
from harness.config.resolve import resolve_method
from harness.report.grouping import build_rows, by_method
from harness.spec import CellResult, MeasureSpec, RecipeSpec, TtaResult, TtaSpec


def test_seeds_share_a_row_and_rows_stand_in_order(matrix) -> None:
    rows = build_rows(reversed(matrix))
    assert [row.label for row in rows] == ["teacher 1×", "student 0.5×", "student 0.5× + PVD"]
    assert [row.seeds for row in rows] == [[0, 1, 2]] * 3
    assert rows[2].miou is not None
    assert rows[2].miou.mean == pytest.approx((0.60 + 0.61 + 0.60) / 3)
    assert all(row.differences == [] for row in rows)


def test_gains_are_paired_with_the_plain_student(matrix) -> None:
    teacher, plain, pvd = build_rows(matrix)
    assert teacher.delta is not None
    assert teacher.delta.mean == pytest.approx(0.04)
    assert plain.delta is None
    assert pvd.delta is not None
    assert pvd.delta.mean == pytest.approx((0.02 + 0.02 + 0.03) / 3)


def test_a_gain_uses_shared_seeds_only(spec, result) -> None:
    rows = build_rows([result(spec(seed=0), 0.5), result(spec("kd", 0), 0.6), result(spec("kd", 1), 0.1)])
    assert rows[1].delta is not None
    assert (rows[1].delta.n, rows[1].delta.mean) == (1, pytest.approx(0.1))


@pytest.mark.parametrize("change", [{"width": 0.25}, {"recipe": RecipeSpec(epochs=3)}, {"backbone": "spvnas"}])
def test_no_gain_over_a_student_of_another_kind(spec, result, change) -> None:
    rows = build_rows([result(spec(), 0.5), result(spec("kd", **change), 0.6)])
    assert [row.delta for row in rows] == [None, None]


def test_failed_and_missing_cells_stay(spec, result) -> None:
    failed = result(spec(seed=1), 0).model_copy(update={"status": "failed", "reason": "out of memory", "score": None})
    [row] = build_rows([result(spec(seed=0), 0.5), failed], planned=[spec(seed=seed) for seed in range(3)])
    assert list(row.results) == [0]
    assert row.failed == {1: "out of memory"}
    assert row.missing == [2]
    assert row.seeds == [0, 1, 2]


def test_a_result_replaces_its_plan(spec, result) -> None:
    [row] = build_rows([result(spec(), 0.5)], planned=[spec()])
    assert row.missing == []


def test_rows_stand_as_they_were_planned(spec, result) -> None:
    names = ["pvd", "ka", "logit_kd"]
    cells = [spec(name, seed) for seed in (0, 1) for name in names]
    results = [result(cell, 0.5) for cell in reversed(cells)]
    assert [row.spec.method.name for row in build_rows(results, planned=cells)] == names
    assert [row.spec.method.name for row in build_rows(results, sorted(cells, key=by_method))] == sorted(names)


def test_without_a_matrix_settings_stand_in_order_after_the_defaults(spec, result) -> None:
    usual = resolve_method(MethodConfig(name="pvd"), "test").settings
    cells = [spec("pvd", settings={**usual, "blocks": blocks}) for blocks in (8, 4, 2, 1)]
    rows = build_rows([result(cell, 0.5) for cell in cells], sorted(cells, key=by_method))
    assert [row.label.removeprefix("student 0.5× + ") for row in rows] == [
        "pvd",
        "pvd (blocks=1)",
        "pvd (blocks=2)",
        "pvd (blocks=8)",
    ]


def test_teachers_of_several_seeds_are_no_two_rows(spec, result) -> None:
    teachers = [spec(role="teacher", seed=seed) for seed in (0, 1)]
    students = [spec("kd", seed, teacher=teachers[seed].hash) for seed in (0, 1)]
    assert len(build_rows([result(cell, 0.5) for cell in (*teachers, *students)])) == 2


@pytest.mark.parametrize(
    "card, clause",
    [
        ({"tta": True}, "tta is True, not False"),
        ({"device": "H200"}, "device is H200, not AMD EPYC"),
        ({"scoring_rule": "other"}, "scoring_rule is other, not semantickitti-official"),
    ],
)
def test_another_protocol_is_noted(spec, result, card, clause) -> None:
    plain, method = build_rows([result(spec(), 0.5), result(spec("kd"), 0.6, card=card)])
    assert plain.differences == []
    assert method.differences == [clause]


def test_a_network_trained_on_the_split_has_its_cost_and_no_score(spec, result) -> None:
    both = result(spec("kd", train_on=("train", "val")), 0.9)
    plain, method = build_rows([result(spec(), 0.5), both])
    assert (method.miou, method.gain, method.interval) == (None, None, None)
    assert method.gmacs == plain.gmacs
    assert method.label == "student 0.5× + kd"
    assert method.differences == ["trained_on is [train, val], not [train]"]


def test_nor_has_it_one_with_test_time_augmentation(spec, result) -> None:
    wants = MeasureSpec(tta=TtaSpec())
    _, augmented = build_rows([result(spec(train_on=("train", "val"), measure=wants), 0.9)])
    assert augmented.missing == []
    assert (augmented.miou, augmented.gmacs, augmented.latency_ms) == (None, None, {})


def test_another_recipe_is_noted_across_backbones(spec, result) -> None:
    other = spec(backbone="spvnas", recipe=RecipeSpec(epochs=3))
    rows = build_rows([result(spec(), 0.5), result(other, 0.6)])
    assert rows[1].differences == ["recipe.epochs is 3, not 15"]


def test_seeds_of_one_row_under_two_protocols_are_noted(spec, result) -> None:
    seeds = [result(spec("kd", seed), 0.6, card={"commit": commit}) for seed, commit in enumerate("ab")]
    rows = build_rows([result(spec(), 0.5, card={"commit": "a"}), *seeds])
    assert rows[1].differences == ["commit is a or b, not a"]


@pytest.mark.parametrize(
    "sharing, clause",
    [
        ({"micro_batch": 1}, "trained with micro-batches of 1 scan: batch normalisation saw one scan at a time"),
        ({"micro_batch": 4}, "trained with micro-batches of 4 scans: batch normalisation saw 4 scans at a time"),
        (
            {"micro_batch": 2, "processes": 2},
            "trained by 2 processes with micro-batches of 2 scans: batch normalisation saw 2 scans at a time",
        ),
        ({"processes": 2}, "trained by 2 processes"),
    ],
)
def test_steps_that_were_shared_are_noted_wherever_they_were(spec, result, sharing, clause) -> None:
    rows = build_rows([result(spec(), 0.5), result(spec("kd"), 0.6, sharing=sharing), result(spec("pvd"), 0.6)])
    assert [row.differences for row in rows] == [[], [clause], []]
    every = build_rows([result(spec(name), 0.5, sharing=sharing) for name in ("none", "kd")])
    assert [row.differences for row in every] == [[clause], [clause]], "the recipe has whole batches"


def test_seeds_of_one_row_that_were_shared_otherwise_are_named(spec, result) -> None:
    ways = [{}, {"micro_batch": 1}, {"micro_batch": 1}, {"micro_batch": 2}]
    [row] = build_rows([result(spec(seed=seed), 0.5, sharing=way) for seed, way in enumerate(ways)])
    assert row.differences == [
        "seeds 1, 2 trained with micro-batches of 1 scan: batch normalisation saw one scan at a time",
        "seed 3 trained with micro-batches of 2 scans: batch normalisation saw 2 scans at a time",
    ]


def test_a_result_of_an_older_version_was_made_in_whole_batches(spec, result) -> None:
    written = result(spec(), 0.5).model_dump(mode="json")
    del written["training"]["micro_batch"], written["training"]["processes"]
    [row] = build_rows([CellResult.model_validate(written)])
    assert row.differences == []


def test_latency_of_a_cpu_and_a_gpu_are_kept_apart(spec, result) -> None:
    seeds = [result(spec(seed=0), 0.5, p50_ms=10.0), result(spec(seed=1), 0.5, p50_ms=30.0)]
    seeds.append(result(spec(seed=2), 0.5, p50_ms=1.0, device_kind="GPU", device="H200"))
    [row] = build_rows(seeds)
    assert row.latency_ms == {"CPU: AMD EPYC, 2 threads": 20.0, "GPU: H200": 1.0}


def test_a_gain_does_not_depend_on_how_much_was_measured(spec, result) -> None:
    plain = result(spec("none"), 0.5)
    pvd = result(spec("pvd", measure=MeasureSpec(latency_passes=11)), 0.6)
    [delta] = [row.delta for row in build_rows([plain, pvd]) if not row.plain]
    assert delta is not None
    assert delta.mean == pytest.approx(0.1)


def test_test_time_augmentation_stands_in_a_row_of_its_own(matrix) -> None:
    views = TtaSpec(rotate_deg=(0, 45))
    seen = [
        r.model_copy(
            update={
                "tta": TtaResult(
                    settings=views, views=8, score=r.score.model_copy(update={"miou": r.score.miou + 0.01})
                )
            }
        )
        for r in matrix
    ]
    rows = build_rows(seen)
    assert [row.label for row in rows] == [
        f"{name}{suffix}"
        for name in ("teacher 1×", "student 0.5×", "student 0.5× + PVD")
        for suffix in ("", " + TTA, 8 views (flip none x y xy, rotated 0° 45°)")
    ]
    for plain, augmented in zip(rows[::2], rows[1::2], strict=True):
        assert augmented.miou.mean == pytest.approx(plain.miou.mean + 0.01)
        assert augmented.differences == []  # the label says it
        assert plain.differences == []
        assert (augmented.gmacs, augmented.latency_ms) == (None, {})
    assert rows[5].delta.mean == pytest.approx(rows[4].delta.mean)  # over the plain student with the same views
    assert rows[3].delta is None


def test_a_class_that_a_rule_leaves_out_has_no_figure(spec, result) -> None:
    measured = result(spec(), 0.5)
    name = next(iter(measured.score.iou))
    score = measured.score.model_copy(update={"iou": measured.score.iou | {name: None}})
    [row] = build_rows([measured.model_copy(update={"score": score})])
    assert row.iou[name] is None


def test_a_seed_without_augmented_scores_is_named_in_their_row_too(spec, result) -> None:
    views, wants = TtaSpec(), MeasureSpec(tta=TtaSpec())
    done, failed, old = (result(spec(seed=seed, measure=wants), 0.5) for seed in range(3))
    done = done.model_copy(update={"tta": TtaResult(settings=views, views=4, score=done.score)})
    failed = failed.model_copy(update={"status": "failed", "reason": "out of memory", "score": None})
    old = old.model_copy(update={"spec": spec(seed=2)})
    planned = [spec(seed=seed, measure=wants) for seed in range(4)]
    plain, augmented = build_rows([done, failed, old], planned)
    assert (list(plain.results), plain.failed, plain.missing) == ([0, 2], {1: "out of memory"}, [3])
    assert (list(augmented.results), augmented.failed, augmented.missing) == ([0], {1: "out of memory"}, [2, 3])
