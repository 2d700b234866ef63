from __future__ import annotations

import numpy as np
import pytest

from harness.data.open import DATASETS, dataset_kind
from harness.data.palette import palette


@pytest.mark.parametrize("name", DATASETS)
def test_every_class_has_a_colour_that_tells_it_from_the_others(name: str) -> None:
    names = dataset_kind(name).class_names  # type: ignore[arg-type]
    colours = np.array([palette(names)[train_id] for train_id in range(len(names))])
    gaps = np.abs(colours[:, None] - colours[None]).sum(axis=2) + 1000 * np.eye(len(names))
    assert gaps.min() > 40
