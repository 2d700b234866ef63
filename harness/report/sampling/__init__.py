"""Pictures and words for what the sampler of PVD makes of a scan."""
