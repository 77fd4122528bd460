"""What a cohort says in whole sentences, each with its denominators; association only, never a cause."""

from collections.abc import Mapping

from prom.services.comparing_columns import TWO
from prom.services.comparing_page import Counted
from prom.services.comparing_views import BandReplies, Hazard, MeanDays, Responders, Scatter, Survival

CAVEAT = "These are associations, not causes; CSI also tracks mood."
Halves = Mapping[str, str]


def halves(cut_off: int) -> dict[str, str]:
    """Return how both sides of a cut-off are called in a sentence."""
    return {TWO[0]: f"CSI below {cut_off}", TWO[1]: f"CSI {cut_off} or more", "all": "everyone"}


def response(shares: tuple[Responders, ...], states: Mapping[str, int]) -> str:
    """Return who responded, and who is not counted."""
    everyone = shares[0].response
    open_yet = states.get("pending_response", 0)
    unknown = states.get("undetermined_response", 0)
    unjudged = sum(states.get(key, 0) for key in ("no_baseline", "baseline_zero", "baseline_low", "not_classified"))
    beside = f"{open_yet} still open, {unknown} undetermined and {unjudged} without a judged baseline are not counted"
    if everyone.value is None:
        return f"No response can be judged yet; {beside}."
    return (
        f"{everyone.count} of {everyone.n} responded{_percent(everyone.value, everyone.low, everyone.high)}; {beside}."
    )


def _percent(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return ""
    return f" ({100 * value:.0f} %, 95 % CI {100 * low:.0f}\N{EN DASH}{100 * high:.0f})"


def losses(two: Survival, half: Halves) -> str:
    """Return how many responders of each band lost relief, and the median."""
    parts = []
    for curve in two.curves:
        median = f"median day {curve.median:.0f}" if curve.median is not None else "median not reached"
        told = f"{curve.events} of {curve.n} responders with {half[curve.band]} lost relief"
        parts.append(f"{told} ({median})" if curve.drawn else told)
    test = two.tests[0]
    p = f"; log-rank p {_p(test.p)}" if test.p is not None else "; too few for a p value"
    return f"{', '.join(parts)}{p}."


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def hazard(hazards: tuple[Hazard, ...], n: int, events: int) -> str | None:
    """Return the hazard ratio per 10 CSI points, or None without one."""
    found = next((one for one in hazards if one.covariate == "csi_per_10"), None)
    if found is None or found.hr is None or found.low is None:
        return None
    high = "infinity" if found.high is None else f"{found.high:.2f}"
    return (
        f"Each 10 CSI points went with {found.hr:.2f} times the hazard of losing relief "
        f"(95 % CI {found.low:.2f} to {high}; {events} losses among {n} responders)."
    )


def days(mean_days: tuple[MeanDays, ...], half: Halves) -> str | None:
    """Return the difference of mean days with relief in the first half year, or None without one."""
    first = mean_days[0]
    if first.difference is None or first.low is None or first.high is None:
        return None
    more = "more" if first.difference > 0 else "fewer"
    return (
        f"Up to day {first.tau}, {half[TWO[1]]} had {abs(first.difference):.0f} {more} days with relief on average "
        f"({first.from_40:.0f} against {first.below_40:.0f}; 95 % CI of the difference {_whole(first.low)} to "
        f"{_whole(first.high)})."
    )


def _whole(days: float) -> str:
    return f"{days:.0f}".replace("-", "\N{MINUS SIGN}")


def success(shares: tuple[Responders, ...], half: Halves) -> str | None:
    """Return success at the horizon by band with its worst and best case, or None before the first horizon."""
    told = [
        f"{one.success.count} of {one.success.n} known with {half[one.band]} ({_unknown(one)})"
        for one in shares
        if one.band in TWO and one.worst.value is not None
    ]
    return f"Relief held at the horizon: {', '.join(told)}." if told else None


def _unknown(one: Responders) -> str:
    if not one.unknown or one.worst.value is None or one.best.value is None:
        return "none unknown"
    return f"{one.unknown} unknown: {100 * one.worst.value:.0f}\N{EN DASH}{100 * one.best.value:.0f} % of all"


def answers(replies: tuple[BandReplies, ...], half: Halves) -> str | None:
    """Return the share of questions answered by band, or None when none was due."""
    told = []
    for band in replies:
        due, came = sum(point.due for point in band.points), sum(point.answered for point in band.points)
        if due:
            told.append(f"{came} of {due} with {half[band.band]} ({100 * came / due:.0f} %)")
    return f"Questions answered: {', '.join(told)}." if told else None


def at_three_months(scatter: Scatter, half: Halves) -> str | None:
    """Return how many of each side of the cut-off had 50 % relief at 3 months, or None before any answer then."""
    told = [f"{group.substantial} of {group.n} with {half[group.band]}" for group in scatter.groups if group.n]
    return f"50 % relief or more at 3 months: {', '.join(told)}." if told else None


def open_bands(counted: Counted) -> list[str]:
    """Return how many episodes the bands leave out, and why."""
    told = (
        (counted.n - counted.asked_csi, "without a CSI: in no band"),
        (
            counted.open_two,
            f"with missing CSI items on both sides of {counted.cut_off}: undetermined, in no band",
        ),
        (
            counted.open_five - counted.open_two,
            f"certain on one side of {counted.cut_off}, but undetermined among the five bands",
        ),
    )
    return [f"{count} of {counted.n} episodes {words}" for count, words in told if count > 0]
