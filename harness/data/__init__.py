"""Read, check and synthesise data sets."""
