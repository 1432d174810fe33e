"""Directions in which rows of numbers vary most: principal components."""

import numpy as np
from jaxtyping import Float


def principal(
    rows: Float[np.ndarray, "n C"], share: float = 0.99, dims: int | None = None
) -> Float[np.ndarray, "C D"]:
    """Directions of the largest variance of centred rows: so many, or that share of it.

    >>> np.abs(principal(np.array([[3.0, 0.0], [-3.0, 0.1]]), dims=1)).round(1).tolist()
    [[1.0], [0.0]]
    """
    values, vectors = np.linalg.eigh(rows.T @ rows)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    if dims is None:
        part = np.cumsum(values) / max(values.sum(), 1e-12)
        dims = int(np.searchsorted(part, share)) + 1
    first: Float[np.ndarray, "C D"] = np.ascontiguousarray(vectors[:, :dims])
    return first
