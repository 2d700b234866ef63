"""Point-to-Voxel Distillation."""

from baselines.pvd.loss import PVD
from baselines.pvd.settings import PVDSettings

__all__ = ["PVD", "PVDSettings"]
