"""Train: losses, checkpoint, loop."""
