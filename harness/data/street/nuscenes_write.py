"""Write synthetic streets in the layout of nuScenes with lidarseg."""

import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from harness.data.splits import Split
from harness.data.street.draws import generator
from harness.data.street.hdl32e import FULL_AZIMUTHS, HDL32E, Turn, turn
from harness.data.street.keyframe import keyframe
from harness.data.street.nuscenes_tables import Row, SceneTables, map_file, shared_rows
from harness.data.street.plan import Roster, SequencePlan, Stretch, plan
from harness.data.street.png import blank_png
from harness.data.street.scan import Drive
from harness.data.street.scene import Surroundings
from harness.data.street.synthesis import Request, SynthesisReport, carry_out, write_file

FRAMES_PER_KEYFRAME = 5
CITY = Surroundings(extra_lane_m=5.0, built_share=(0.8, 1.0))
"""Wide roads between houses, adjusted to one real keyframe. Foliage fills more of the neighbouring coarse voxels than
walls do: on the default streets a voxel of 0.8 m has 30 % too many neighbours. Houses along narrow roads stand too
near, and wide green roads leave the top rings too empty."""
_VERSION: dict[Split, str] = {"train": "v1.0-trainval", "val": "v1.0-trainval", "test": "v1.0-test"}
_DEFAULTS: dict[Split, tuple[str, ...]] = {
    "train": tuple(f"scene-{number:04d}" for number in (61, 553, 655, 757, 796, 1077, 1094, 1100, 1, 2)),
    "val": ("scene-0103", "scene-0916"),
    "test": ("scene-0077",),
}
"""A few official scenes, as the devkit's splits list them. Those of the mini set come first: the devkit evaluates a
split only when all its scenes are there, and so can evaluate `mini_val`."""

NUSCENES_SCENES = Roster(
    "scenes",
    {name: split for split, names in _DEFAULTS.items() for name in names},
    _DEFAULTS,
    longest=3_000,
    expected="one of " + ", ".join(name for names in _DEFAULTS.values() for name in names),
)


def synthesize_nuscenes(
    out: Path,
    scans: int,
    seed: int,
    azimuths: int = FULL_AZIMUTHS,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> SynthesisReport:
    """Write `scans` keyframes of random streets under `out`, in the layout of nuScenes with lidarseg.

    The versions v1.0-trainval and v1.0-test share the folder; the test version has no labels. The bytes depend on
    scans, seed and azimuths alone, not on the number of workers. All is written to a folder beside `out` that is
    renamed at the end.

    Args:
        out: a folder that does not exist or is empty.
        scans: keyframes, at least 3; how they are spread over scenes says `harness.data.street.plan.plan`.
        seed: of every draw.
        azimuths: firings of a full turn, the real sensor's 1084 by default.
        progress: called with (scans done, scans in all) after every stretch.
        workers: processes.

    Raises:
        HarnessError: `out` holds files, it cannot be written (a full disk, no permission), or an argument is out of
            range. Nothing is left behind.
    """
    request = Request(out, scans, seed, azimuths, workers, progress)
    plans = plan(scans, roster=NUSCENES_SCENES)
    prepare, job = partial(_write_tables, seed, plans), partial(_write_stretch, seed, azimuths)
    return carry_out(request, plans, "scenes", prepare, job)


def _drive(seed: int, scene: str, keyframes: int) -> Drive:
    return Drive(seed, scene, keyframes * FRAMES_PER_KEYFRAME, HDL32E, CITY)


def _scene(seed: int, item: SequencePlan) -> SceneTables:
    ego = _drive(seed, item.sequence, item.scans).ego
    poses = [ego.pose(frame * FRAMES_PER_KEYFRAME) for frame in range(item.scans)]
    return SceneTables(seed, item.sequence, _VERSION[item.split], poses, item.split != "test")


def _write_tables(seed: int, plans: Sequence[SequencePlan], folder: Path) -> None:
    (folder / "samples" / "LIDAR_TOP").mkdir(parents=True)
    (folder / "maps").mkdir()
    write_file(folder / map_file(seed), blank_png(8))
    scenes = [_scene(seed, item) for item in plans]
    for version in dict.fromkeys(_VERSION.values()):
        (folder / "lidarseg" / version).mkdir(parents=True)
        (folder / version).mkdir()
        rows = [scene.rows() for scene in scenes if scene.version == version]
        grown: dict[str, list[Row]] = {name: [row for table in rows for row in table[name]] for name in rows[0]}
        tables = shared_rows(seed, [row["token"] for row in grown["log"]]) | grown
        for name, table in tables.items():
            write_file(folder / version / f"{name}.json", (json.dumps(table, indent=0) + "\n").encode())


@cache
def _turn(azimuths: int) -> Turn:
    return turn(azimuths)


def _write_stretch(seed: int, azimuths: int, folder: Path, stretch: Stretch) -> int:
    drive, full = _drive(seed, stretch.sequence, stretch.scans), _turn(azimuths)
    labelled, points = stretch.labelled, 0
    tables = SceneTables(seed, stretch.sequence, _VERSION[NUSCENES_SCENES.split_of[stretch.sequence]], [], labelled)
    first, last = stretch.first * FRAMES_PER_KEYFRAME, stretch.last * FRAMES_PER_KEYFRAME
    for number, returns in enumerate(drive.scans(first, last, full.rays, FRAMES_PER_KEYFRAME), stretch.first):
        velocity = drive.ego.velocity(number * FRAMES_PER_KEYFRAME)
        scan = keyframe(full, returns, velocity, generator(seed, stretch.sequence, "keyframe", number))
        write_file(folder / tables.points_file(number), scan.points.astype("<f4", copy=False).tobytes())
        if labelled:
            write_file(folder / tables.labels_file(number), scan.categories.tobytes())
        points += len(scan.points)
    return points
