"""Times the survival statistics beside a plain numpy floor that does the bare arithmetic, and prints the ratio.

The floor counts days with one bincount and forms both curves and the two-group log-rank statistic, with no check of its
input, no limits, no medians. The quickest and the median run are both shown: they part when memory is mapped anew on
each call, which a quickest run alone would hide. Run as `python -m bench.survival`.
"""

import time
from collections.abc import Callable

import numpy as np

from prom.statistics import cox, intervals, survival

EPISODES = 100_000
REPEATS = 100


def floor(days, lost, group):
    """Return both Kaplan-Meier curves and the log-rank chi-square, and nothing else."""
    span = int(days.max()) + 1
    counts = np.bincount((group * span + days) * 2 + lost, minlength=4 * span).reshape(2, span, 2)
    deaths = counts[:, :, 1]
    risk = np.cumsum(counts.sum(axis=2)[:, ::-1], axis=1)[:, ::-1]
    curves = np.cumprod(1.0 - deaths / np.maximum(risk, 1), axis=1)
    died, everyone = deaths.sum(axis=0), risk.sum(axis=0)
    share = risk[0] / np.maximum(everyone, 1)
    variance = (died * share * (1 - share) * (everyone - died) / np.maximum(everyone - 1, 1)).sum()
    return curves, (deaths[0].sum() - (died * share).sum()) ** 2 / variance


def run_ms(work: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """Return the quickest and the median of some runs, in milliseconds."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(1_000.0 * (time.perf_counter() - began))
    return min(taken), float(np.median(taken))


def main() -> None:
    """Print each figure beside its floor."""
    random = np.random.default_rng(1963)
    days = random.integers(1, 366, EPISODES)
    lost, group = random.integers(0, 2, EPISODES), random.integers(0, 2, EPISODES)
    kinds = {"whole days": (days, lost), "days as floats, events as bools": (days.astype(float), lost == 1)}
    for kind, (when, seen) in kinds.items():
        ours = run_ms(lambda when=when, seen=seen: survival.compare(when, seen, group))
        # The floor gets the same input, and must make whole numbers of it before it can count.
        bare = run_ms(
            lambda when=when, seen=seen: floor(when.astype(int, copy=False), seen.astype(int, copy=False), group)
        )
        print(
            f"KM + log-rank on {EPISODES:,}, {kind}: {ours[0]:.2f} ms, numpy floor {bare[0]:.2f} ms, "
            f"ratio {ours[0] / bare[0]:.2f}, of the medians {ours[1] / bare[1]:.2f} (to reach 3)"
        )
    same = abs(floor(days, lost, group)[1] - survival.compare(days, lost, group).logrank.chi2) < 1e-8
    print(f"  same chi-square as the floor: {'yes' if same else 'NO'}")
    covariates = random.normal(size=(EPISODES, 6))
    print(
        f"Cox, six covariates, same episodes: {run_ms(lambda: cox.fit(days, lost, covariates, 'abcdef'), 3)[1]:.0f} ms"
    )
    left = (days // 30) * 30
    right = np.where(lost == 1, left + 30, np.inf)
    print(f"NPMLE, monthly visits, same episodes: {run_ms(lambda: intervals.estimate(left, right), 3)[1]:.0f} ms")


if __name__ == "__main__":
    main()
