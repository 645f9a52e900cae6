"""The windows that a convolution or a pooling layer sees, in NumPy."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Windows:
    """Of ``size`` by ``size`` pixels, ``stride`` apart, on an image with ``padding`` more pixels on each side."""

    def __init__(self, size: int, stride: int, padding: int) -> None:
        self.size, self.stride, self.padding = size, stride, padding

    def cut(self, x, edge: float):
        """(batch, height, width, channels) to (batch, rows, columns, size, size, channels); beyond the image all pixels are ``edge``."""
        beside = (self.padding, self.padding)
        padded = np.pad(x, ((0, 0), beside, beside, (0, 0)), constant_values=edge)
        self.padded = padded.shape
        windows = sliding_window_view(padded, (self.size, self.size), axis=(1, 2))[:, :: self.stride, :: self.stride]
        return windows.transpose(0, 1, 2, 4, 5, 3)

    def put_back(self, windows):
        """The image whose pixels are the sums of those that windows of `cut`'s shape hold in their place."""
        image = np.zeros(self.padded, windows.dtype)
        rows, columns = (count * self.stride for count in windows.shape[1:3])
        for i, j in np.ndindex(self.size, self.size):
            image[:, i : i + rows : self.stride, j : j + columns : self.stride] += windows[:, :, :, i, j]
        height, width = (side - self.padding for side in self.padded[1:3])
        return image[:, self.padding : height, self.padding : width]
