"""Colours of the SemanticKITTI train ids in pictures and pages."""

TRAIN_PALETTE: dict[int, tuple[int, int, int]] = {
    0: (170, 170, 170),
    1: (60, 110, 240),
    2: (70, 200, 230),
    3: (20, 40, 140),
    4: (110, 40, 170),
    5: (40, 150, 250),
    6: (230, 30, 40),
    7: (250, 60, 190),
    8: (150, 20, 90),
    9: (120, 90, 130),
    10: (235, 150, 235),
    11: (205, 160, 195),
    12: (175, 25, 70),
    13: (250, 195, 20),
    14: (250, 120, 60),
    15: (30, 150, 40),
    16: (120, 70, 30),
    17: (150, 210, 90),
    18: (215, 210, 130),
    19: (190, 20, 20),
}
"""Train id to (red, green, blue), 0 to 255; chosen so that neighbours in a street stay apart on white."""
