"""The version of the distribution, in one place that imports nothing."""

VERSION = "0.4.0"
