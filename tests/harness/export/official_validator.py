"""What SemanticKITTI's own validator demands of an archive of either task, from the description of its checks.

1. The name ends with `.zip`. 2. The archive has entries for the folders `sequences/`, `sequences/NN/` and
`sequences/NN/predictions/`, NN from 11 to 21. 3. For every scan of the local copy there is a label file with as many
uint32 as the scan has points. It looks at nothing else.
"""

import zipfile
from pathlib import Path


def official_validator_accepts(archive: Path, dataset: Path) -> bool:
    if archive.name[-4:] != ".zip":
        return False
    with zipfile.ZipFile(archive) as bundle:
        sizes = {name: bundle.getinfo(name).file_size for name in bundle.namelist()}
    if "sequences/" not in sizes:
        return False
    for number in range(11, 22):
        for folder in (f"sequences/{number}/", f"sequences/{number}/predictions/"):
            if folder not in sizes:
                return False
        for scan in sorted((dataset / "sequences" / str(number) / "velodyne").glob("*.bin")):
            label = f"sequences/{number}/predictions/{scan.stem}.label"
            if label not in sizes or sizes[label] / 4 != scan.stat().st_size / 16:
                return False
    return True
