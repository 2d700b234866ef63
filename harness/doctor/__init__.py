"""What `harness doctor` finds out about a machine, one subject per file."""
