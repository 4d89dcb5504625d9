"""What a picture is in this package."""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (height, width, 3), sRGB
Alpha = NDArray[np.uint8]  # (height, width), 0 background .. 255 product
