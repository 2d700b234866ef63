"""Where a prediction lies, below a folder or in an archive: the layouts of the leaderboards."""

from __future__ import annotations

from harness.data.completeness import split_scan_id


def prediction_name(scan_id: str) -> str:
    """Return the path, with forward slashes, of the prediction of a scan.

    Example:
        >>> prediction_name("11/000004")
        'sequences/11/predictions/000004.label'
    """
    sequence, frame = split_scan_id(scan_id)
    return f"sequences/{sequence}/predictions/{frame}.label"


def lidarseg_prediction_name(scan_id: str) -> str:
    """Return the file name of the prediction of a keyframe of nuScenes, as the devkit has it.

    Example:
        >>> lidarseg_prediction_name("scene-0103/0a1b")
        '0a1b_lidarseg.bin'
    """
    return f"{scan_id.rpartition('/')[2]}_lidarseg.bin"
