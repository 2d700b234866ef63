"""Random numbers as pure functions of what they are drawn for.

A draw depends on (seed, epoch, scan id, purpose) and on nothing else: not on the worker that makes it, nor on what was
drawn before, so that any number of workers and any interruption give the same bytes.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import torch


def generator(seed: int, epoch: int, scan_id: str, purpose: str) -> np.random.Generator:
    """Return a NumPy generator for one purpose on one scan in one epoch."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(_digest(seed, epoch, scan_id, purpose), "little")))


def torch_generator(seed: int, epoch: int, scan_id: str, purpose: str) -> torch.Generator:
    """Return a CPU torch generator for one purpose on one scan in one epoch."""
    key = int.from_bytes(_digest(seed, epoch, scan_id, purpose)[:8], "little") >> 1
    return torch.Generator().manual_seed(key)


def _digest(seed: int, epoch: int, scan_id: str, purpose: str) -> bytes:
    """SHA-256 of the tuple as JSON, so that no two tuples share a spelling."""
    return hashlib.sha256(json.dumps([seed, epoch, scan_id, purpose]).encode()).digest()
