"""Benchmark and reproduction harness for LiDAR knowledge distillation."""
