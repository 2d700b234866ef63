"""Score predictions by the official rules."""
