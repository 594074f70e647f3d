"""What the opponents need of other libraries, taken ahead of the data where the process's own limits leave little memory."""

import numpy as np


def load_libraries() -> None:
    """Import them, and let their linear algebra take the buffers that it keeps.

    OpenBLAS asks for 32 MB when it is first called, and where that is refused asks again for ever: a run whose data had taken
    the rest would never end. Loaded first, they count when it is decided what of the data may lie in memory.
    """
    import sklearn.ensemble
    import sklearn.linear_model
    import sklearn.neighbors
    import sklearn.svm  # noqa: F401
    from scipy.linalg.blas import dgemm

    square = np.ones((256, 256), order="F")
    dgemm(1.0, square, square)
    square @ square
