"""Plan and run a matrix of cells."""
