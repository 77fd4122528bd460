"""Synthetic values for the chart tests and the gallery: one patient in detail and one cohort, always the same."""

import random

from prom.charts import causes, cohort, course, heatmap, scatter, sensitization, survival, swimmer, theme

DAYS = (7, 14, 30, 60, 90, 120, 150, 180, 270, 365)
WINDOW = {3: 1, 7: 1, 14: 3, 30: 7, 60: 10, 90: 14, 120: 14, 150: 14, 180: 21}


def prompt(day, mark):
    half = WINDOW[day]
    return course.Prompt(day, day - half, day + half, course.PromptMark(mark))


def bikash():
    """Early loss, high CSI, one question we failed to send and one without a reply."""
    return course.Trajectory(
        readings=(
            course.Reading(-7, 7),
            course.Reading(-1, 7),
            course.Reading(0, 4, counted=False),
            course.Reading(7, 4),
            course.Reading(14, 3),
            course.Reading(30, 3),
            course.Reading(56, 6, bad=True),
            course.Reading(59, 5, bad=True),
            course.Reading(92, 6, bad=True),
            course.Reading(118, 6, bad=True),
        ),
        baseline=7.0,
        today=126,
        prompts=(
            prompt(3, "no_reply"),
            prompt(7, "answered"),
            prompt(14, "answered"),
            prompt(30, "answered"),
            prompt(60, "answered"),
            prompt(90, "answered"),
            prompt(120, "answered"),
            prompt(150, "planned"),
            prompt(180, "planned"),
        ),
        events=(course.Event(63, "duloxetine 30 mg started"), course.Event(100, "repeat procedure booked")),
        co_treatments=(
            course.CoTreatment(63, None, "antidepressant (duloxetine)"),
            course.CoTreatment(14, 60, "rehabilitation"),
            course.CoTreatment(75, 126, "CBT"),
        ),
        similar=similar(),
        lost_between=(30, 56),
    )


def asha():
    """Good responder, low CSI, the open question of today."""
    values = {-7: 8, -1: 8, 3: 4, 7: 3, 14: 2, 30: 2, 60: 3, 120: 2}
    marks = {3: "answered", 7: "answered", 14: "answered", 30: "answered", 60: "answered", 90: "not_sent", 120: "open"}
    return course.Trajectory(
        readings=tuple(course.Reading(day, nrs) for day, nrs in values.items()),
        baseline=8.0,
        today=121,
        prompts=(*(prompt(day, mark) for day, mark in marks.items()), prompt(180, "planned")),
    )


def block():
    """A diagnostic block: hours, current pain."""
    return course.Trajectory(
        readings=tuple(course.Reading(hour / 24, nrs) for hour, nrs in ((-0.5, 7), (1, 2), (3, 1), (6, 2), (24, 6))),
        baseline=7.0,
        today=1.2,
        prompts=tuple(
            course.Prompt(hour / 24, (hour - 0.5) / 24, (hour + 1) / 24, course.PromptMark.ANSWERED)
            for hour in (1, 3, 6, 24)
        ),
        question="current pain",
    )


def similar():
    points = []
    for day, middle, n in ((3, 4.5, 30), (7, 3.8, 34), (14, 3.5, 33), (30, 3.4, 31), (60, 3.8, 28), (90, 4.3, 21)):
        points.append(course.SimilarPoint(day, n, max(middle - 2, 0), middle - 1, middle, middle + 1, middle + 2))
    points += [course.SimilarPoint(120, 16, 3.2, 4.1, 4.9, 5.8, 6.9), course.SimilarPoint(150, 9, 3, 4, 5, 6, 7)]
    return course.Similar("34 patients, same procedure and CSI band", tuple(points))


def csi():
    scores = (
        sensitization.CsiScore(-3, 52, 52),
        sensitization.CsiScore(90, 44, 52, "2 items missing"),
        sensitization.CsiScore(180, 38, 38, "item 24 carried forward"),
    )
    return sensitization.CsiCourse(scores, today=190)


def means(bands=theme.THREE):
    groups = []
    for place, band in enumerate(bands):
        n = 95 - 12 * place
        level = 2.7 + 0.75 * place
        points = [cohort.MeanPoint(0, n, 7.2, 6.9, 7.5)]
        for step, day in enumerate(DAYS[:8]):
            size = max(n - 9 * step, 6)
            mean = level + 0.17 * step
            half = 2.1 / size**0.5 * 1.6
            points.append(cohort.MeanPoint(day, size, mean, mean - half, mean + half))
        groups.append(cohort.BandMeans(band, n, tuple(points)))
    return tuple(groups)


def replies(bands=theme.TWO):
    groups = []
    for place, band in enumerate(bands):
        points = []
        for step, day in enumerate(DAYS[:8]):
            due = 90 - 8 * step - 10 * place
            share = 0.95 - 0.025 * step - 0.06 * place
            answered = round(due * share)
            points.append(cohort.ReplyPoint(day, due, answered, share - 0.07, min(share + 0.05, 1.0), step % 3))
        groups.append(cohort.BandReplies(band, tuple(points)))
    return tuple(groups)


def kaplan_meier(band, n, hazard, seed):
    """Return a curve of simulated visits; the interval is a stand-in of plausible width."""
    rng = random.Random(seed)
    exits = []
    for _ in range(n):
        lost = rng.expovariate(hazard)
        gone = rng.uniform(60, 420)
        day = next((visit for visit in DAYS if visit >= lost), 400)
        exits.append(
            (day, True) if lost < gone and day <= 365 else (max(d for d in (1, *DAYS) if d <= max(gone, 1)), False)
        )
    steps, survival_now, at_risk = [], 1.0, n
    for day in sorted({day for day, _ in exits}):
        events = sum(lost for at, lost in exits if at == day)
        if events:
            survival_now *= 1 - events / at_risk
            half = 0.98 * (survival_now * (1 - survival_now) / at_risk) ** 0.5 * 2
            steps.append(
                survival.Step(
                    day, survival_now, max(survival_now - half, 0), min(survival_now + half, 1), at_risk, events
                )
            )
        at_risk -= sum(at == day for at, _ in exits)
    median = next((step.day for step in steps if step.survival <= 0.5), None)
    return survival.Curve(band, n, tuple(steps), tuple(float(day) for day, lost in exits if not lost), median)


def relief_lasts(bands=theme.TWO):
    hazards = (0.0012, 0.006) if len(bands) == 2 else (0.0009, 0.0016, 0.003, 0.005, 0.009)
    sizes = (95, 102) if len(bands) == 2 else (50, 45, 40, 38, 8)
    curves = tuple(
        kaplan_meier(band, n, hazard, seed)
        for seed, (band, n, hazard) in enumerate(zip(bands, sizes, hazards, strict=True), 7)
    )
    between = tuple(survival.Between(curve.band, boxes(curve)) for curve in curves)
    return survival.Survival(
        curves,
        365,
        50,
        between,
        "Responders n = 197, definition version 1, data to 23 Nov 2026 09:00. Association, not causation.",
    )


def boxes(curve):
    found, before, left = [], 1.0, 0.0
    for step in curve.steps:
        found.append(survival.Box(max(left, step.day * 0.5), step.day, before, step.survival))
        before, left = step.survival, step.day
    return (*found, survival.Box(left, None, before, before * 0.9))


def lanes():
    rng = random.Random(3)
    found = []
    for place in range(24):
        end = rng.choice([*swimmer.End, swimmer.End.LOST, swimmer.End.LOST])
        until = rng.choice((120, 180, 240, 365))
        held = min(rng.choice((30, 60, 90, 120)), until)
        none = end is swimmer.End.NEVER
        if end is not swimmer.End.LOST and not none:
            held = until
        found.append(
            swimmer.Lane(f"P1{place + 100}", 84 - place, None if none else 14, None if none else held, until, end)
        )
    return swimmer.Swimmer(tuple(found), 365)


def cloud():
    rng = random.Random(5)
    points = []
    for place in range(150):
        csi_total = min(max(round(rng.gauss(45, 16)), 4), 92)
        points.append(
            scatter.Point(csi_total, max(min(0.85 - csi_total * 0.009 + rng.gauss(0, 0.22), 1), -0.7), f"P{place}")
        )
    fit = tuple(
        scatter.Fit(
            x,
            0.85 - 0.009 * x,
            0.85 - 0.009 * x - 0.03 - abs(x - 45) / 600,
            0.85 - 0.009 * x + 0.03 + abs(x - 45) / 600,
        )
        for x in range(5, 95, 10)
    )
    return scatter.Scatter(tuple(points), fit)


def reviews():
    found = (
        causes.Cause("Sensitization signs", (3, 19)),
        causes.Cause("New pain source", (6, 5)),
        causes.Cause("Mood or sleep", (2, 11)),
        causes.Cause("Target", (4, 3)),
        causes.Cause("Technique", (2, 2)),
        causes.Cause("Co-treatment absent", (1, 8)),
    )
    return causes.Causes(theme.TWO, (15, 34), found)


def cells(rows=(60, 70, 34)):
    rng = random.Random(11)
    groups = []
    for place, (band, count) in enumerate(zip(theme.THREE, rows, strict=True)):
        found = []
        for _ in range(count):
            start, days = rng.gauss(0.75 - 0.12 * place, 0.15), rng.choice(DAYS)
            levels = [
                heatmap.Level.NOT_DUE
                if rng.random() < 0.02 * step
                else heatmap.level(
                    None if rng.random() < 0.08 else start + rng.gauss(0, 0.1) - (0.5 if day > days else 0)
                )
                for step, day in enumerate(DAYS)
            ]
            found.append(heatmap.Row(days, tuple(levels)))
        groups.append(heatmap.Group(band, tuple(found)))
    words = ("1 wk", "2 wk", "1 mo", "2 mo", "3 mo", "4 mo", "5 mo", "6 mo", "9 mo", "1 yr")
    return heatmap.Heatmap(words, tuple(groups))
