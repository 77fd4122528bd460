"""Tail probabilities of the normal and the chi-square distribution, on the standard library alone.

Pages print p values and intervals; importing scipy for that would cost each web process a second and 100 MB.

Sources:
    Abramowitz & Stegun 1964, 26.4.4 and 26.4.5: the chi-square tail with whole degrees of freedom as a finite sum.
    Wichura 1988 (Appl Stat 37:477, AS 241): the normal quantile, as `statistics.NormalDist` computes it.
"""

import math
from statistics import NormalDist

_STANDARD = NormalDist()


def normal_upper(z: float) -> float:
    """Return the probability that a standard normal value exceeds z."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def two_sided(z: float) -> float:
    """Return the probability that a standard normal value lies further from 0 than z."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def normal_quantile(probability: float) -> float:
    """Return the value that a standard normal one stays below with this probability."""
    return _STANDARD.inv_cdf(probability)


def half_width(level: float) -> float:
    """Return how many standard errors a two-sided interval reaches to each side; 1.96 at a level of 0.95."""
    if not 0.0 < level < 1.0:
        raise ValueError("a confidence level lies between 0 and 1")
    return normal_quantile(0.5 + level / 2.0)


def chi_square_upper(chi2: float, df: int) -> float:
    """Return the probability that a chi-square value with df degrees of freedom exceeds chi2."""
    if df < 1:
        raise ValueError("degrees of freedom start at 1")
    half = chi2 / 2.0
    # The smallest numbers there are become 0 when halved, and 0 has no logarithm.
    if half <= 0.0:
        return 1.0
    # Every term is positive, so the sum loses no digits even far out in the tail.
    total = math.erfc(math.sqrt(half)) if df % 2 else 0.0
    exponent = 0.5 if df % 2 else 0.0
    while exponent < df / 2.0:
        total += math.exp(exponent * math.log(half) - half - math.lgamma(exponent + 1.0))
        exponent += 1.0
    return min(total, 1.0)
