"""Measure MACs and latency."""
