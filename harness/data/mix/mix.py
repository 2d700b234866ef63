"""A training scan joined with another one: whether, with which and how."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.data.dataset import Dataset
from harness.data.mix.lasermix import lasermix
from harness.data.mix.polarmix import polarmix
from harness.data.scan import Scan
from harness.errors import HarnessError
from harness.spec import Mixing


def mix(scan: Scan, dataset: Dataset, partners: Sequence[str], settings: Mixing, rng: np.random.Generator) -> Scan:
    """Return a scan mixed with one of the partners, which may be the scan itself; it keeps its name.

    Args:
        scan: as it is in its file.
        dataset: reads the partner.
        partners: scans to draw from, all as likely.
        settings: what is drawn.
        rng: for this scan and epoch alone.

    Raises:
        HarnessError: one of both has no labels, or the partner can't be read.
    """
    mixed = rng.random() < settings.probability
    partner_id = partners[int(rng.random() * len(partners))]
    kind = settings.kinds[int(rng.random() * len(settings.kinds))]
    if not mixed:
        return scan
    partner = dataset.read(partner_id)
    for one in (scan, partner):
        if one.labels is None:
            remedy = "Train on labelled scans, or take recipe.augmentation.mix away."
            raise HarnessError(f"scan {one.scan_id}", "no labels", "labels, which mixing joins", remedy)
    if kind == "lasermix":
        return lasermix(scan, partner, settings, rng)
    things = [dataset.class_names.index(name) for name in settings.instance_classes]
    return polarmix(scan, partner, settings, things, rng)
