from __future__ import annotations

import pytest

from harness.inspect.view import TrainingMoment
from harness.report.sampling.text import MOST_ROWS, height_text, preferences, sampling_text, subtitle, title


def test_the_table_lists_the_sampled_ones_then_the_likeliest(scene):
    view, _ = scene()
    lines = sampling_text(view).split("\n")
    start = next(number for number, line in enumerate(lines) if line.split()[:2] == ["drawn", "ring"])
    rows = [line.split() for line in lines[start + 1 : start + 1 + MOST_ROWS]]
    assert [row[0] for row in rows] == ["1", "2", "3", "4"] + ["–"] * (MOST_ROWS - 4)
    for one, row in zip(view.sampled, rows, strict=False):
        place = [str(number) for number in (one.ring, one.sector, one.layer)]
        content = [str(number) for number in (one.points, one.voxels, one.n_minor)]
        assert row[1:9] == [*place, f"{one.outer_arc_m:.1f}", *content, f"{100 * one.probability:.2f}"]
    others = [float(row[8]) for row in rows[4:]]
    assert others == sorted(others, reverse=True)
    assert lines[-1] == f"and {len(view.supervoxels) - MOST_ROWS} more occupied supervoxels"


def test_all_sampled_ones_are_listed(scene):
    view, _ = scene(blocks=200)
    text = sampling_text(view)
    assert f"the {len(view.supervoxels)} that PVD samples" in text
    assert len([line for line in text.split("\n") if line.strip()[:1].isdigit()]) >= len(view.supervoxels)
    assert "more occupied" not in text


def test_the_sentences_are_those_of_the_shares(scene):
    view, _ = scene()
    rare, far = view.by_minority[1], view.by_ring[3]
    held = sum(one.n_minor > 0 for one in view.supervoxels)
    assert preferences(view) == [
        f"{held} of {len(view.supervoxels)} occupied supervoxels hold a minority voxel and "
        f"{100 * rare.chance:.0f} % of the chance to be drawn first.",
        f"The outermost ring holds {100 * far.share:.0f} % of the occupied supervoxels and "
        f"{100 * far.chance:.0f} % of the chance.",
    ]
    [alone] = preferences(scene(block_size=(480, 360, 32), minor_unit="classes")[0])
    assert alone == "1 of 1 occupied supervoxels holds a minority class and 100 % of the chance to be drawn first."


def test_the_settings_are_told(scene):
    view, _ = scene(sampler="distance")
    assert title(view) == "Supervoxels of scan 00/000000 and the 4 that PVD samples"
    assert subtitle(view) == (
        "sampler distance, seed 1, epoch 0, augmented as in training, voxels of 0.5 m for minkowskinet"
    )
    bare = TrainingMoment(seed=2, epoch=5, backbone="cylinder3d", voxel_size_m=None, augmentation=None)
    expected = "sampler difficulty, seed 2, epoch 5, as in its file, voxels for cylinder3d"
    assert subtitle(scene(moment=bare)[0]) == expected
    assert "less than 1 % of the labelled points of 7 training scans (a partial copy): person, pole." in (
        sampling_text(view)
    )


def test_many_epochs_add_two_columns(scene):
    text = sampling_text(scene(epochs=50)[0])
    assert "drawn first %  sampled %" in text
    assert "sampled %" not in sampling_text(scene()[0])


@pytest.mark.parametrize(
    "edges, number, expected",
    [
        ((-4.0, 2.19), 1, "all heights"),
        ((-4.0, -2.45, -0.9, 2.19), 1, "below −2.45 m"),
        ((-4.0, -2.45, 0.9, 2.19), 2, "−2.45 to 0.90 m"),
        ((-4.0, -2.45, 0.65, 2.19), 3, "above 0.65 m"),
    ],
)
def test_heights_outside_the_grid_count_in_its_border_layers(edges, number, expected):
    assert height_text(edges, number) == expected
