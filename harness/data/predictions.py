"""Where a prediction lies, below a folder or in an archive: the layout of SemanticKITTI's leaderboard."""

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
