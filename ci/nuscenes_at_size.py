"""Seconds and memory that opening nuScenes takes: `python ci/nuscenes_at_size.py FOLDER [--version VERSION]`.

Writes tables of the official size, order of keys and indentation (recalled) with random content into FOLDER, once, and
an empty file for each scan. Then opens them in fresh processes with a cache folder of their own: cold, which reads all
tables, and warm. Opening is `open_dataset` and the list of the scans of train and val. The file system's own cache is
left as it is: it may hold the tables, if they have just been written.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

CHANNELS = (
    "RADAR_FRONT", "RADAR_FRONT_LEFT", "RADAR_FRONT_RIGHT", "RADAR_BACK_LEFT", "RADAR_BACK_RIGHT", "LIDAR_TOP",
    "CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_BACK_RIGHT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_FRONT_LEFT",
)  # fmt: skip
ROWS_PER_SAMPLE = 77
"""Rows of sample_data for each sample: 2 631 083 for 34 149 in the official tables (recalled)."""
GOAL = "30 s cold, 1 s warm, 1 GB of memory"


def token(table: str, number: int) -> str:
    """32 hexadecimal digits that look random and differ."""
    salt = int.from_bytes(table.encode().ljust(16, b"-")[:16])
    return f"{(number * 0x9E3779B97F4A7C15F39CC0605CEDC835 + salt) % (1 << 128):032x}"


def write_rows(file: IO[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write a JSON array as the official tables have it: every key on a line, no indentation."""
    file.write("[")
    for number, row in enumerate(rows):
        file.write((",\n" if number else "\n") + json.dumps(row, indent=0))
    file.write("\n]\n")


def scene_sizes(version: str) -> dict[str, int]:
    """Samples of every scene: as many as the splits have, spread evenly."""
    from harness.data.nuscenes.splits import OFFICIAL_KEYFRAMES, scene_names

    sizes: dict[str, int] = {}
    for split, total in OFFICIAL_KEYFRAMES[version].items():
        names = scene_names(version, split)
        sizes |= {name: total // len(names) + (place < total % len(names)) for place, name in enumerate(names)}
    return sizes


def write_set(root: Path, version: str) -> None:
    """Write the tables, and an empty file for each scan."""
    folder, sizes = root / version, scene_sizes(version)
    folder.mkdir(parents=True)
    (root / "samples" / "LIDAR_TOP").mkdir(parents=True, exist_ok=True)
    tables: dict[str, Iterable[dict[str, Any]]] = {
        "category": categories(),
        "sensor": sensors(),
        "calibrated_sensor": calibrations(len(sizes)),
        "log": logs(),
        "scene": scenes(sizes),
        "sample": samples(sizes),
        "lidarseg": lidarseg(sizes, version),
    }
    for name, rows in tables.items():
        with (folder / f"{name}.json").open("w") as file:
            write_rows(file, rows)
    write_big_tables(root, folder, sizes)


def categories() -> Iterator[dict[str, Any]]:
    """Rows of category."""
    from harness.data.street.nuscenes_labels import CATEGORIES

    for index, name in enumerate(CATEGORIES):
        yield {"token": token("category", index), "name": name, "description": "", "index": index}


def sensors() -> Iterator[dict[str, Any]]:
    """Rows of sensor."""
    for place, channel in enumerate(CHANNELS):
        yield {"token": token("sensor", place), "channel": channel, "modality": channel.split("_")[0].lower()}


def logs() -> Iterator[dict[str, Any]]:
    """Rows of log."""
    for place in range(68):
        yield {"token": token("log", place), "logfile": f"n015-{place}", "vehicle": "n015", "location": "somewhere"}


def calibrations(scene_count: int) -> Iterator[dict[str, Any]]:
    """Rows of calibrated_sensor: every sensor anew for each scene."""
    for place in range(scene_count * len(CHANNELS)):
        yield {
            "token": token("calibrated_sensor", place),
            "sensor_token": token("sensor", place % len(CHANNELS)),
            "translation": [0.943713, 0.0, 1.84023],
            "rotation": [0.7077955119163518, -0.006492242056004365, 0.010646214713995808, -0.7063073142877817],
            "camera_intrinsic": [],
        }


def scenes(sizes: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Rows of scene."""
    for place, (name, size) in enumerate(sizes.items()):
        yield {"token": token("scene", place), "log_token": token("log", place % 68), "nbr_samples": size, "name": name}


def samples(sizes: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Rows of sample."""
    number = 0
    for place, size in enumerate(sizes.values()):
        for _ in range(size):
            row = {"token": token("sample", number), "timestamp": 1_532_402_927_647_951 + 500_000 * number}
            yield row | {"prev": "", "next": "", "scene_token": token("scene", place)}
            number += 1


def lidarseg(sizes: dict[str, int], version: str) -> Iterator[dict[str, Any]]:
    """Rows of lidarseg."""
    for number in range(sum(sizes.values())):
        name = token("sample_data", number * ROWS_PER_SAMPLE + CHANNELS.index("LIDAR_TOP"))
        yield {"token": name, "sample_data_token": name, "filename": f"lidarseg/{version}/{name}_lidarseg.bin"}


def write_big_tables(root: Path, folder: Path, sizes: dict[str, int]) -> None:
    """Write sample_data and ego_pose, which have a row for everything that a sensor ever recorded."""
    rng, scene_of = random.Random(0), [place for place, size in enumerate(sizes.values()) for _ in range(size)]
    with ExitStack() as stack:
        data, poses = (stack.enter_context((folder / f"{name}.json").open("w")) for name in ("sample_data", "ego_pose"))
        total = len(scene_of) * ROWS_PER_SAMPLE
        for number in range(total):
            place, channel = number % ROWS_PER_SAMPLE, CHANNELS[number % ROWS_PER_SAMPLE % len(CHANNELS)]
            key, time_us = place < len(CHANNELS), 1_532_402_927_647_951 + 6_493 * number
            own, kind = token("sample_data", number), "jpg" if channel.startswith("CAM") else "pcd"
            before, after = token("sample_data", number - 12), token("sample_data", number + 12)
            ending = {"C": ".jpg", "R": ".pcd", "L": ".pcd.bin"}[channel[0]]
            name = f"{'samples' if key else 'sweeps'}/{channel}/n015-2018-07-24-11-22-45+0800__{channel}__{time_us}"
            calibration = scene_of[number // ROWS_PER_SAMPLE] * len(CHANNELS) + CHANNELS.index(channel)
            opening, closing = "[\n" if number == 0 else "", "\n]\n" if number == total - 1 else ",\n"
            data.write(
                f'{opening}{{\n"token": "{own}",\n"sample_token": "{token("sample", number // ROWS_PER_SAMPLE)}",\n'
                f'"ego_pose_token": "{own}",\n"calibrated_sensor_token": "{token("calibrated_sensor", calibration)}",\n'
                f'"timestamp": {time_us},\n"fileformat": "{kind}",\n"is_key_frame": {str(key).lower()},\n'
                f'"height": 900,\n"width": 1600,\n"filename": "{name}{ending}",\n'
                f'"prev": "{before}",\n"next": "{after}"\n}}{closing}'
            )
            w, x = rng.uniform(-0.9, 0.9), rng.uniform(-0.01, 0.01)
            rotation = f"{w},\n{x},\n{-x},\n{(1 - w * w - 2 * x * x) ** 0.5}"
            poses.write(
                f'{opening}{{\n"token": "{own}",\n"timestamp": {time_us},\n"rotation": [\n{rotation}\n],\n'
                f'"translation": [\n{rng.uniform(0, 2000)},\n{rng.uniform(0, 2000)},\n0.0\n]\n}}{closing}'
            )
            if key and channel == "LIDAR_TOP":
                (root / f"{name}{ending}").touch()


def open_once(root: Path, version: str) -> None:
    """Open the set in this process and print what that took."""
    started = time.perf_counter()
    from harness.data.open import open_dataset

    imported, idle = time.perf_counter(), time.process_time()
    dataset = open_dataset("nuscenes", root, settings={"version": version})
    counts = {split: len(dataset.scan_ids(split)) for split in ("train", "val")}
    opened, busy = time.perf_counter(), time.process_time()
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(  # noqa: T201
        f"{opened - imported:6.2f} s, {busy - idle:5.2f} s of them on the CPU; {peak_mib:4.0f} MiB at most; "
        f"{imported - started:.2f} s of imports before; {counts}"
    )


def main() -> None:
    """Write the set where there is none, then open it cold and warm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", choices=("v1.0-trainval", "v1.0-mini"), default="v1.0-trainval")
    parser.add_argument("--open-once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    root, cache = options.folder, options.folder / "cache"
    if options.open_once:
        open_once(root, options.version)
        return
    if not (root / options.version).exists():
        write_set(root, options.version)
    print(f"goal for v1.0-trainval: {GOAL}")  # noqa: T201
    for table in sorted((root / options.version).iterdir()):
        print(f"{table.stat().st_size / 1e6:8.1f} MB  {table.name}")  # noqa: T201
    shutil.rmtree(cache, ignore_errors=True)
    command = [sys.executable, __file__, str(root), "--version", options.version, "--open-once"]
    for state in ("cold", "warm", "warm"):
        print(state, end=" ", flush=True)  # noqa: T201
        subprocess.run(command, env=os.environ | {"HARNESS_CACHE_DIR": str(cache)}, check=True)


if __name__ == "__main__":
    main()
