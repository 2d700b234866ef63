"""The compiled kernel as two functions of tensors."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from ctypes import CDLL, c_int64, c_void_p
from functools import cache

import torch
from torch import Tensor

from backbones.sparse.native.build import BuildError, built_library

_LOG = logging.getLogger(__name__)
_DONE, _NOT_ASCENDING = 0, 1
_FAULTS: dict[int, tuple[type[Exception], str]] = {
    1: (ValueError, "a target repeats within an offset"),
    2: (IndexError, "a pair names a row that does not exist"),
    3: (MemoryError, "no memory left for a sparse convolution"),
}


class Kernel:
    """Convolution and its weight's gradient in float32 on the CPU, with as many threads as torch uses.

    Results depend on the inputs alone: not on the number of threads, nor on the order of the pairs within an offset.

    Args:
        library: the shared library made from ``kernel.cpp``.

    Raises:
        AttributeError: the library is another one.
    """

    def __init__(self, library: CDLL) -> None:
        self._multiply, self._weight_gradient = library.harness_multiply, library.harness_weight_gradient
        self._multiply.argtypes = [c_void_p] * 6 + [c_int64] * 7
        self._weight_gradient.argtypes = [c_void_p] * 6 + [c_int64] * 6
        self._products = library.harness_products
        self._products.argtypes, self._products.restype = [c_void_p] * 2 + [c_int64] * 4, c_int64

    @staticmethod
    def serves(*tensors: Tensor) -> bool:
        """Whether the kernel computes on tensors of this type and device."""
        return all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)

    def multiply(
        self,
        features: Tensor,
        weight: Tensor,
        sources: Tensor,
        targets: Tensor,
        counts: Sequence[int],
        rows: int,
        transposed: bool = False,
    ) -> Tensor:
        """Add features[sources[p]] · weight[k] to output row targets[p], for every pair p of every offset k.

        Args:
            features: [V, C_in] float32.
            weight: [K, C_in, C_out] float32, or [K, C_out, C_in] when `transposed`.
            sources: [P] int64, ordered by offset.
            targets: [P] int64, without repetition within an offset.
            counts: pairs per offset, K integers.
            rows: output rows M.
            transposed: whether weight[k] is used as weight[k]ᵀ.

        Returns:
            [M, C_out] float32.

        Raises:
            IndexError: a pair names a row that does not exist.
            ValueError: a target repeats within an offset, or `counts` do not add up to P.
        """
        features, weight = features.contiguous(), weight.contiguous()
        depth, width = weight.shape[1:] if not transposed else (weight.shape[2], weight.shape[1])
        output = features.new_empty(rows, width)
        sizes = len(counts), len(features), rows, depth, width, transposed
        self._call(self._multiply, (features, weight), sources, targets, counts, output, sizes)
        return output

    def differentiate(
        self,
        gradient: Tensor,
        features: Tensor,
        weight: Tensor,
        sources: Tensor,
        targets: Tensor,
        counts: Sequence[int],
        wants_features: bool,
        wants_weight: bool,
    ) -> tuple[Tensor, Tensor]:
        """Return the gradients of `multiply` for features and weight; one that is not wanted is empty."""
        for_features, for_weight = features.new_empty(0), weight.new_empty(0)
        if wants_features:
            for_features = self.multiply(gradient, weight, targets, sources, counts, len(features), transposed=True)
        if wants_weight:
            for_weight = self.weight_gradient(features, gradient, sources, targets, counts)
        return for_features, for_weight

    def weight_gradient(
        self, features: Tensor, gradient: Tensor, sources: Tensor, targets: Tensor, counts: Sequence[int]
    ) -> Tensor:
        """Return Σ features[sources[p]]ᵀ · gradient[targets[p]] over the pairs p of every offset, [K, C_in, C_out].

        Args:
            features: [V, C_in] float32.
            gradient: [M, C_out] float32, of the output.
            sources: this and the following as in `multiply`.
            targets: [P] int64.
            counts: K integers.

        Raises:
            IndexError: a pair names a row that does not exist.
            ValueError: a target repeats within an offset, or `counts` do not add up to P.
        """
        features, gradient = features.contiguous(), gradient.contiguous()
        channels = features.shape[1], gradient.shape[1]
        output = features.new_empty(len(counts), *channels)
        sizes = len(counts), len(features), len(gradient), *channels
        self._call(self._weight_gradient, (features, gradient), sources, targets, counts, output, sizes)
        return output

    def products(self, targets: Tensor, counts: Sequence[int], rows: int, depth: int, width: int) -> int:
        """Return how many products `multiply` computes, padding included; nothing is multiplied.

        Rows are taken as many at once as fill the registers and columns as many as fill a vector: a last group that is
        not full takes as long as one that is.

        Args:
            targets: [P] int64 on the CPU, contiguous, ascending within an offset, below `rows`.
            counts: pairs per offset, K integers that add up to P.
            rows: output rows M.
            depth: C_in.
            width: C_out.

        Raises:
            MemoryError: no memory left.
        """
        per_offset = (c_int64 * len(counts))(*counts)
        found = self._products(targets.data_ptr(), per_offset, len(counts), rows, depth, width)
        if found < 0:
            raise MemoryError("no memory left to count the products of a sparse convolution")
        return int(found)

    def _call(
        self,
        function: Callable[..., int],
        factors: tuple[Tensor, Tensor],
        sources: Tensor,
        targets: Tensor,
        counts: Sequence[int],
        output: Tensor,
        sizes: tuple[int, ...],
    ) -> None:
        if not len(sources) == len(targets) == sum(counts):
            raise ValueError(f"{len(sources)} sources, {len(targets)} targets and counts of {sum(counts)} pairs")
        per_offset = (c_int64 * len(counts))(*counts)

        def run(sources: Tensor, targets: Tensor) -> int:
            pointers = (tensor.data_ptr() for tensor in (*factors, sources, targets))
            return function(*pointers, per_offset, output.data_ptr(), *sizes, torch.get_num_threads())

        sources, targets = sources.to(torch.int64).contiguous(), targets.to(torch.int64).contiguous()
        status = run(sources, targets)
        if status == _NOT_ASCENDING:
            status = run(*_ascending(sources, targets, counts))
        if status != _DONE:
            error, message = _FAULTS[status]
            raise error(message)


@cache
def load_kernel() -> Kernel | None:
    """Return the kernel, compiled if need be; None, with one line of log per process, where that can't be done.

    ``HARNESS_NATIVE=0`` in the environment is the user's way to do without.
    """
    if os.environ.get("HARNESS_NATIVE") == "0":
        _LOG.info("HARNESS_NATIVE is 0: sparse convolutions run in plain PyTorch.")
        return None
    try:
        return Kernel(CDLL(str(built_library())))
    except (BuildError, OSError, AttributeError) as error:
        _LOG.warning("Sparse convolutions run in plain PyTorch, which is slower: %s.", str(error).splitlines()[0])
        return None


def the_kernel() -> Kernel:
    """Return the kernel where there must be one.

    Raises:
        RuntimeError: this machine has none, though a convolution that another one began asks for it.
    """
    kernel = load_kernel()
    if kernel is None:
        raise RuntimeError("this process has no compiled kernel for sparse convolutions; see its log for the reason")
    return kernel


def _ascending(sources: Tensor, targets: Tensor, counts: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Sort the pairs of every offset by target."""
    by_target = targets.argsort(stable=True)
    offsets = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    order = by_target[offsets[by_target].argsort(stable=True)]
    return sources[order], targets[order]
