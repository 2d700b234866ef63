"""Which keyframes of a split are there, and which should be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from harness.data.completeness import Completeness, SequenceListing
from harness.data.input_file import unreadable
from harness.data.nuscenes.declared import declared_scenes
from harness.data.nuscenes.index import POINTS_FOLDER, Index
from harness.data.nuscenes.index_cache import open_index
from harness.data.nuscenes.splits import OFFICIAL_KEYFRAMES, scene_names
from harness.data.splits import SPLITS, Split
from harness.errors import HarnessError


def split_completeness(root: Path, version: str, split: Split) -> Completeness:
    """Compare the points' files that are there with the keyframes of a split.

    The tables come whole, so that an incomplete copy lacks files, never rows. Where their folder is not there, the
    split is one listing of the version's name that lacks everything; a copy may be so, unless a synthetic set
    declares keyframes of it.

    Raises:
        HarnessError: the tables can't be read, or have not the scenes and keyframes of the version.
    """
    declared = declared_scenes(root)
    if declared is None:
        expected = OFFICIAL_KEYFRAMES[version].get(split, 0)
    else:
        expected = sum(declared.get(name, 0) for name in scene_names(version, split))
    if not os.path.lexists(root / version):
        return Completeness(split, (_absent(root / version, split, expected, declared is None),) if expected else ())
    index = open_index(root / version)
    check_scenes(root / version, index, declared)
    present = _file_names(root / POINTS_FOLDER)
    names = [name for name in scene_names(version, split) if name in index.scenes]
    return Completeness(split, tuple(_listing(root, index, name, present) for name in names))


def check_scenes(folder: Path, index: Index, declared: Mapping[str, int] | None) -> None:
    """Refuse tables that have other scenes or keyframes than their version, or than a synthetic set declares.

    Args:
        folder: of the tables.
        index: of the tables.
        declared: keyframes of each scene of a synthetic set; None for the real one.

    Raises:
        HarnessError: a scene is in no split of the version, or is missing, or has not its number of keyframes.
    """
    version, where = folder.name, folder / "scene.json"
    known = {name: split for split in SPLITS for name in scene_names(version, split)}
    remedy = "Unpack the tables of this version again." if declared is None else "Synthesize the set again."
    strange = [name for name in index.scenes if name not in known]
    if strange:
        found = f"scenes of no split ({', '.join(strange[:3])})"
        raise HarnessError(where, found, f"scenes of the official splits of {version}", remedy)
    if declared is not None:
        for name in dict.fromkeys((*index.scenes, *(name for name in declared if name in known))):
            count, said = len(index.scenes.get(name, ())), declared.get(name, 0)
            if count != said:
                raise HarnessError(f"{where}, {name}", f"{count} keyframes", f"{said}, as the set declares", remedy)
        return
    missing = [name for name in known if name not in index.scenes]
    if missing:
        found = f"{len(missing)} scenes missing ({', '.join(missing[:3])})"
        raise HarnessError(where, found, f"all {len(known)} scenes of {version}, also with --partial", remedy)
    for split, official in OFFICIAL_KEYFRAMES[version].items():
        count = sum(len(index.scenes[name]) for name in scene_names(version, split))
        if count != official:
            raise HarnessError(where, f"{count} keyframes in {split}", f"{official}, also with --partial", remedy)


def _absent(folder: Path, split: Split, expected: int, allowed: bool) -> SequenceListing:
    remedy = f"It may stay so: only the {split} split needs them."
    absent = HarnessError(folder, "no such folder", f"the tables of the {split} split, {expected} scans", remedy)
    return SequenceListing(
        folder.name, expected, (), (), None, absent=absent if allowed else None, first_missing=folder
    )


def _listing(root: Path, index: Index, scene: str, present: frozenset[str]) -> SequenceListing:
    files, places = index.columns["points"], index.scenes[scene]
    there = {place: files[place].rpartition("/")[2] in present for place in places}
    found = tuple(index.tokens[place] for place in places if there[place])
    missing = next((root / files[place] for place in places if not there[place]), None)
    folder = root / POINTS_FOLDER if found else None
    return SequenceListing(scene, len(places), found, (), folder, first_missing=missing)


def _file_names(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries)
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise unreadable(folder, error) from error
