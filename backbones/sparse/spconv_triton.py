"""The engine of spconv-triton 1.0 (L-Reichardt/spconv-triton, Apache-2.0): spconv's functions in Triton, no atomics.

Triton picks its tiles by trial on first use; a lasting ``TRITON_CACHE_DIR`` hands the choice on to later processes.
"""

from __future__ import annotations

from functools import cache

import torch

from backbones.sparse.engine import EngineError, import_library
from backbones.sparse.indexed_pairs import IndexedPairsEngine

REMEDY = "Type: pip install spconv-triton==1.0.0, beside a torch built for CUDA or ROCm, which brings Triton."


@cache
def load() -> IndexedPairsEngine:
    """Return the engine.

    Raises:
        EngineError: spconv-triton can't be imported, or there is no CUDA or ROCm device.
    """
    if not torch.cuda.is_available():
        raise EngineError(f"The engine 'spconv_triton' needs a CUDA or ROCm device; torch finds none here. {REMEDY}")
    ops = import_library("spconv_triton", "spconv_triton.pytorch.ops", REMEDY)
    version = import_library("spconv_triton", "spconv_triton", REMEDY).__version__
    return IndexedPairsEngine("spconv_triton", version, ops.indice_conv, ops.indice_conv_backward, devices=("cuda",))
