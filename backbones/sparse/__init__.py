"""Sparse convolution: voxels, kernel maps, layers, and one contract that several engines fulfil."""
