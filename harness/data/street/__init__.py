"""Synthetic streets: a scene, a sensor, and a writer of SemanticKITTI's layout.

From the ground up: `draws` and `mesh`; the models (`vehicles`, `people`, `plants`, `buildings`, `ground`); `objects`
furnishes one side of a block, `scene` makes a street of blocks, `traffic` what moves on it; `trajectory` is the
sensor's way, `sensor`, `raycast`, `returns` and `remission` are the measurement, `scan` joins them; `plan`,
`calibration` and `write` make the data set; `statistics` compares it with real scans.
"""
