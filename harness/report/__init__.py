"""Tables, figures and statistics, computed from results alone."""
