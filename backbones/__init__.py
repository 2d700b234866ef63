"""LiDAR segmentation networks and the sparse-convolution layer under them."""
