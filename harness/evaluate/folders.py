"""Find the predictions of a split in a folder that somebody made: each scan's file, and no other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from harness.data.dataset import Dataset
from harness.data.input_file import unreadable
from harness.data.predictions import lidarseg_prediction_name, prediction_name
from harness.data.splits import Split
from harness.errors import HarnessError

LEVELS = 4
"""Folders above the given one where predictions are looked for, to tell a wrong level."""


def prediction_files(root: Path, dataset: Dataset, split: Split, scan_ids: Sequence[str]) -> list[Path]:
    """Return the prediction of every scan, in their order.

    SemanticKITTI's lie in ``root/sequences/NN/predictions/NNNNNN.label``. Those of nuScenes, ``TOKEN_lidarseg.bin``,
    lie in ``root/lidarseg/<split>``, as in a submission and as its devkit reads them (also ``mini_<split>`` or the
    tables' version), or right in ``root``.

    Args:
        root: the user's folder.
        dataset: that the scans are of.
        split: that is scored.
        scan_ids: of it, those of a sequence side by side.

    Raises:
        HarnessError: some are missing, or a file beside them belongs to no scan, or there are two folders to choose
            from.
    """
    if dataset.root_name == "nuscenes":
        names = [lidarseg_prediction_name(scan_id) for scan_id in scan_ids]
        version = str(dataset.settings["version"])
        folder = _lidarseg_folder(root, (split, f"mini_{split}", version))
        layout = f"lidarseg/{split}/TOKEN_lidarseg.bin, or TOKEN_lidarseg.bin right in it"
        files = [folder / name for name in names]
        _require_exactly(root, files, layout, [f"lidarseg/{split}/{names[0]}", names[0]])
        return files
    names = [prediction_name(scan_id) for scan_id in scan_ids]
    files = [root / name for name in names]
    _require_exactly(root, files, "sequences/NN/predictions/NNNNNN.label", names[:1])
    return files


def _lidarseg_folder(root: Path, names: Sequence[str]) -> Path:
    """Return the one folder of predictions; `root` itself where there is none below it."""
    found = [folder for name in names if (folder := root / "lidarseg" / name).is_dir()]
    if len(found) > 1:
        two = " and ".join(f"lidarseg/{folder.name}" for folder in found)
        raise HarnessError(root, two, "one folder of predictions of the split", "Name the one to score itself.")
    return found[0] if found else root


def _require_exactly(root: Path, files: list[Path], layout: str, first_names: list[str]) -> None:
    """Refuse missing and stray files before anything is counted.

    Args:
        root: the user's folder.
        files: that have to be there, those of a folder side by side.
        layout: what `root` should hold, for the message.
        first_names: places below a root that a prediction may have, to find the level that was meant.
    """
    missing, stray = list[Path](), list[Path]()
    for folder, group in groupby(files, key=lambda path: path.parent):
        expected, names = list(group), _names(folder)
        missing += [path for path in expected if path.name not in names]
        stray += sorted(folder / name for name in names.difference(path.name for path in expected))
    wanted = f"a folder with {layout}, one for every scan that the data set holds of the split, and nothing beside them"
    if missing:
        found = f"no such file ({len(missing)} of {len(files)} predictions are missing)"
        meant = _meant(root, first_names) if len(missing) == len(files) else None
        raise HarnessError(missing[0], found, wanted, f"Did you mean {meant}?" if meant else "Predict the whole split.")
    if stray:
        first, many = stray[0].relative_to(root), f"{len(stray)} files that belong to no scan of the split, first"
        found = f"a file that belongs to no scan of the split: {first}" if len(stray) == 1 else f"{many} {first}"
        raise HarnessError(root, found, wanted, "Take it away, or score against the copy that was predicted on.")


def _names(folder: Path) -> set[str]:
    """Return the names in a folder; none where there is no folder."""
    try:
        return {path.name for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise unreadable(folder, error, "Name a folder that may be read.") from error


def _meant(root: Path, first_names: list[str]) -> Path | None:
    """Return the folder, near the given one, that holds the first prediction."""
    try:
        here = root.resolve()
        near = [*here.parents[:LEVELS], *sorted(path for path in here.iterdir() if path.is_dir())]
        return next((folder for folder in near if any((folder / name).is_file() for name in first_names)), None)
    except OSError:
        return None
