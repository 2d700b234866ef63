"""The name and the version of the distribution, in one place that imports nothing."""

DISTRIBUTION = "harness-lidar-kd"

VERSION = "0.6.0"
