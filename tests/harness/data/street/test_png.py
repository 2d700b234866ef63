import io

import numpy as np
from matplotlib.image import imread

from harness.data.street.png import blank_png


def test_a_blank_picture_is_read_as_black_pixels():
    assert np.array_equal(imread(io.BytesIO(blank_png(8)), format="png"), np.zeros((8, 8)))
