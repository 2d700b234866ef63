"""nuScenes-lidarseg, read from the official tables."""
