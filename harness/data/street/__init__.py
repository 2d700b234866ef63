"""Synthetic streets: a scene, a sensor, and a writer of data-set layouts."""
