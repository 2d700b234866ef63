"""Two training scans joined into one: LaserMix and PolarMix."""
