"""What a method does with a scan, made visible."""
