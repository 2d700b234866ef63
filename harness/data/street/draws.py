"""Random draws that depend on their key alone, never on the order or the process they are drawn in."""

import hashlib

import numpy as np


def generator(seed: int, *key: str | int) -> np.random.Generator:
    """Generator that is a pure function of the seed and the key (sequence, block or frame, purpose)."""
    digest = hashlib.blake2b(repr((seed, *key)).encode(), digest_size=32).digest()
    words = np.frombuffer(digest, dtype="<u4")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words.tolist())))


def lattice_normal(rows: np.ndarray, columns: np.ndarray, salt: int) -> np.ndarray:
    """Approximately standard normal value at each integer lattice node, so that neighbouring meshes share their nodes.

    Args:
        rows, columns: integers, broadcast against each other.
        salt: distinguishes independent fields.

    Returns:
        float64 of the broadcast shape: the centred, scaled sum of four 16-bit uniforms of one 64-bit hash
        (the finaliser of SplitMix64, Steele et al., OOPSLA 2014).
    """
    with np.errstate(over="ignore"):
        word = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + columns.astype(np.uint64)
        word = word * np.uint64(0xD1B54A32D192ED03) + np.uint64(salt)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        word = word ^ (word >> np.uint64(31))
    mask = np.uint64(0xFFFF)
    uniforms = sum(((word >> np.uint64(shift)) & mask).astype(np.float64) for shift in (0, 16, 32, 48))
    return np.asarray((uniforms / 65535.0 - 2.0) * np.sqrt(3.0))
