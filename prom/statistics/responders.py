"""Shares of responders with their intervals, and what the unknown could make of them.

Sources:
    Wilson 1927 (JASA 22:209): the score interval, which stays inside 0-1 and holds for small groups.
    Best and worst case for the unknown: docs/clinical.md, definition version 1.
"""

import math
from dataclasses import dataclass

from prom.statistics import tails


@dataclass(frozen=True, slots=True)
class Share:
    """A count out of n; value and limits are None when n is 0."""

    count: int
    n: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Success:
    """Success at the horizon: among the known, with every unknown a failure, and with every unknown a success."""

    known: Share
    worst: Share
    best: Share
    unknown: int


def share(count: int, n: int, level: float = 0.95) -> Share:
    """Return a proportion with its Wilson interval."""
    if not 0 <= count <= n:
        raise ValueError(f"{count} of {n} is not a proportion")
    if n == 0:
        return Share(0, 0, None, None, None)
    z, value = tails.half_width(level), count / n
    middle = value + z * z / (2.0 * n)
    reach = z * math.sqrt(value * (1.0 - value) / n + z * z / (4.0 * n * n))
    scale = 1.0 + z * z / n
    # At 0 of n and n of n the limit is exactly 0 or 1; rounding must not carry it past.
    low = 0.0 if count == 0 else (middle - reach) / scale
    high = 1.0 if count == n else (middle + reach) / scale
    return Share(count, n, value, low, high)


def success(held: int, lost: int, unknown: int, level: float = 0.95) -> Success:
    """Return success at the horizon with its bounds.

    An unknown answer after a confirmed loss, or of a non-responder, is a failure in both cases: count it under `lost`.
    """
    n = held + lost + unknown
    return Success(
        known=share(held, held + lost, level),
        worst=share(held, n, level),
        best=share(held + unknown, n, level),
        unknown=unknown,
    )
