"""The neighbour map that torchsparse reads; its arithmetic is tested by the battery where a CUDA build is at hand."""

from __future__ import annotations

import pytest
import torch
from dense_grid import random_voxels

from backbones.sparse.engine import EngineError, get_engine
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMapCache
from backbones.sparse.torchsparse import neighbour_map


def test_a_neighbour_map_lists_input_and_output_of_every_pair() -> None:
    kernel_map = KernelMapCache().submanifold(random_voxels((4, 3, 3), 0.5, 2, seed=0), (3, 1, 3))
    library_map = neighbour_map(kernel_map)
    pairs = [list(pair) for pair in zip(kernel_map.inputs.tolist(), kernel_map.outputs.tolist(), strict=True)]
    assert library_map["nbmaps"].tolist() == pairs
    assert library_map["nbsizes"].tolist() == list(kernel_map.counts)
    assert library_map["sizes"] == (kernel_map.in_rows, kernel_map.out_rows)
    assert library_map["nbmaps"].dtype == library_map["nbsizes"].dtype == torch.int32


def test_an_odd_strided_kernel_gets_an_empty_offset() -> None:
    """Else its middle offset passes for the identity wherever inputs and outputs are as many."""
    coordinates = torch.tensor([[0, 1, 1, 1], [0, 5, 5, 5]])
    kernel_map = KernelMapCache().strided(coordinates, Geometry((3, 3, 3), (2, 2, 2), "floor"))
    assert kernel_map.in_rows == kernel_map.out_rows
    assert neighbour_map(kernel_map)["nbsizes"].tolist() == [*kernel_map.counts, 0]
    even = KernelMapCache().strided(coordinates, Geometry((2, 2, 2), (2, 2, 2), "floor"))
    assert neighbour_map(even)["nbsizes"].tolist() == list(even.counts)


@pytest.mark.skipif(torch.cuda.is_available(), reason="says so only where there is no CUDA device")
def test_without_cuda_it_says_so_and_what_to_type() -> None:
    with pytest.raises(EngineError, match=r"needs a CUDA device.*type: pip install .*torchsparse"):
        get_engine("torchsparse")
