"""A C++ kernel for sparse convolution on a CPU, compiled on the machine that runs it."""
