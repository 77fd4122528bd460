"""The relief definition a second time, slow and in another shape, as the judge of the real one.

It is written from the text alone: exact fractions instead of whole-number comparisons, a search over all pairs of
answers instead of one pass, and nothing imported from the product.
"""

# One long function on purpose: it is read from top to bottom beside the text, and shares no structure with the product.
# ruff: noqa: C901, PLR0911, PLR0912, PLR0915

from fractions import Fraction
from itertools import pairwise
from math import floor

PARAMS = {
    "genicular_rfa": (14, 56, 90, 180, 21),
    "medial_branch_rfa": (14, 56, 90, 180, 21),
    "epidural_steroid": (7, 35, 42, 90, 14),
    "sympathetic_block": (1, 14, 14, 30, 7),
    "neuromodulation": (7, 45, 180, 365, 30),
}
RANK = ["death", "explant_loss", "explant_other", "surgery", "repeat", "optout"]


def judged(procedure, baseline, answers, events, end_day, x):
    good = [v for v in baseline if type(v) is int and 0 <= v <= 10]
    if not good:
        return {"state": "no_baseline"}
    b = Fraction(sum(good), len(good))
    out = {"baseline": float(b)}
    if b == 0:
        return out | {"state": "baseline_zero"}
    if b < 4:
        return out | {"state": "baseline_low"}
    if procedure not in PARAMS:
        return out | {"state": "not_classified"}
    w1, w2, early, horizon, h = PARAMS[procedure]

    def relief(y):
        return (b - y) / b * 100

    today = floor(end_day)
    past = [(floor(d), RANK.index(k)) for d, k in events if 0 <= floor(d) <= today]
    event = None
    s = today
    if past:
        s = min(d for d, _ in past)
        event = RANK[min(k for d, k in past if d == s)]

    by_day = {}
    for place, (d, y) in enumerate(answers):
        if type(y) is int and 0 <= y <= 10 and 1 <= floor(d) <= s:
            by_day.setdefault(floor(d), []).append((d, place, y))
    a = {t: min(found)[2] for t, found in by_day.items()}
    days = sorted(a)

    near = [t for t in days if horizon - h <= t <= horizon + h]
    out["at_horizon"] = "unknown" if not near else "held" if relief(a[near[-1]]) >= x else "lost"

    window = [t for t in days if w1 <= t <= w2]
    responses = [t for t in window if relief(a[t]) >= 50]
    if not responses:
        late = [t for t in days if t > w2 and relief(a[t]) >= 50]
        if late:
            out["late_response_day"] = late[0]
        failed = event == "explant_loss" or (event in {"repeat", "surgery"} and window)
        if failed and not late:
            state = "non_responder"
        elif s <= w2:
            state = "undetermined_response" if event else "pending_response"
        elif len(window) >= 2 or [t for t in window if t >= Fraction(w1 + w2, 2)]:
            state = "non_responder"
        else:
            state = "undetermined_response"
        return out | {"state": state}

    first = responses[0]
    out["first_response_day"] = first
    out["response_confirmed"] = relief(Fraction(sum(a[t] for t in window), len(window))) >= 50
    followed = [t for t in days if t >= first]
    bad = {t: relief(a[t]) < x and a[t] - min(a[u] for u in days if w1 <= u <= t) >= 2 for t in followed}

    def run_starts(t):
        """The first bad day of the run that t is part of."""
        last_held = max(u for u in followed if u < t and not bad[u])
        return min(u for u in followed if u > last_held)

    confirming = [t for t in followed if bad[t] and t - run_starts(t) >= 2]
    open_run = run_starts(followed[-1]) if bad[followed[-1]] else None
    loss = None
    if confirming:
        c = confirming[0]
        r1 = run_starts(c)
        loss = (c if c - r1 > 45 else r1, "answer", r1)
    elif event == "explant_loss":
        last_held = max(t for t in followed if not bad[t])
        loss = (open_run or max(s, last_held + 1), "explant", open_run or s + 1)
    elif event in {"repeat", "surgery"} and open_run:
        loss = (open_run, event, open_run)
    limit = loss[2] if loss else 10**9
    starts = sorted({run_starts(t) for t in followed if bad[t]})
    out["flares"] = [t for t in starts if t < limit and t != open_run]
    held = max(t for t in followed if not bad[t] and t < limit)

    if loss:
        lost_by, by, _ = loss
        out |= {"loss_interval": [held, lost_by], "confirmed_by": by}
        if by == "answer":
            after = [t for t in followed if t > confirming[0]]
            pairs = [v for u, v in pairwise(after) if relief(a[u]) >= x and relief(a[v]) >= x]
            if pairs:
                out["regained_day"] = pairs[0]
        if held >= early:
            return out | {"state": "late_loss"}
        return out | {"state": "early_loss" if lost_by <= early + 3 else "loss_timing_uncertain"}

    out["censor_day"] = held
    if open_run:
        out["pending_bad_day"] = open_run
    if event in {"death", "repeat", "surgery"}:
        return out | {"state": f"competing_{event}", "competing_day": s}
    choices = [
        (open_run is not None, "suspected_loss"),
        (held >= horizon - h and relief(a[days[-1]]) >= x, "sustained_responder"),
        (held >= horizon - h, "held_below_threshold"),
        (event == "optout", "censored_optout"),
        (event == "explant_other", "censored_explant"),
        (today > horizon + h, "undetermined_lost_to_followup"),
        (True, "in_relief_ongoing"),
    ]
    return out | {"state": next(state for holds, state in choices if holds)}
