"""The array types of this package, and the one check every time and every label passes.

Everything here works on plain numpy arrays: times in whatever unit the caller counts (days in this product), events as
0 or 1, groups as whole numbers from 0.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def durations(values: npt.ArrayLike) -> IntArray | FloatArray:
    """Return times as an array, refusing negative and unbounded ones; whole numbers stay whole numbers."""
    given = np.asarray(values)
    whole = given.dtype.kind in "iu"
    times: IntArray | FloatArray = given.astype(np.int64, copy=False) if whole else given.astype(np.float64, copy=False)
    if times.ndim != 1:
        raise ValueError("times must be one flat list")
    # A NaN makes both comparisons false, so it is refused here as well.
    if times.size and not (times.min() >= 0 and times.max() < np.inf):
        raise ValueError("times must be finite and not negative")
    return times


def indicators(values: npt.ArrayLike, length: int) -> IntArray:
    """Return events as an array of 0 and 1, refusing anything else."""
    return flags(values, length).astype(np.int64, copy=False)


def flags(values: npt.ArrayLike, length: int) -> IntArray | npt.NDArray[np.uint8]:
    """Return events as 0 and 1 in as little memory as they came in, refusing anything else."""
    given = np.asarray(values)
    _same_length(given, length, "events")
    if given.size and given.dtype.kind != "b":
        # Between 0 and 1, and equal to its own whole part: NaN fails the first, one half the second.
        between = given.min() >= 0 and given.max() <= 1
        if not between or (given.dtype.kind == "f" and (given != given.astype(np.int64)).any()):
            raise ValueError("events must be 0 or 1")
    # A truth value is a byte of 0 or 1 already.
    return given.view(np.uint8) if given.dtype.kind == "b" else given.astype(np.int64, copy=False)


def labels(values: npt.ArrayLike, length: int) -> IntArray:
    """Return group numbers as an array of whole numbers from 0, refusing anything else."""
    given = np.asarray(values)
    _same_length(given, length, "groups")
    numbers = given.astype(np.int64, copy=False)
    if given.size and (given.min() < 0 or (given.dtype.kind == "f" and (numbers != given).any())):
        raise ValueError("groups must be whole numbers from 0")
    return numbers


def columns(values: npt.ArrayLike, length: int) -> FloatArray:
    """Return covariates as a matrix with one row a patient, refusing unbounded values."""
    given = np.asarray(values, dtype=np.float64)
    matrix = given[:, None] if given.ndim == 1 else given
    _same_length(matrix, length, "covariates")
    if not np.isfinite(matrix).all():
        raise ValueError("covariates must be finite numbers")
    return matrix


def _same_length(given: npt.NDArray[np.generic], length: int, what: str) -> None:
    if given.shape[:1] != (length,):
        raise ValueError(f"{what} and times differ in length")
