"""SPVNAS and its manual member SPVCNN: the residual U-Net of MinkowskiNet with a branch of points beside it."""
