"""Matrix files: their keys, their reading, and what they leave to defaults."""
