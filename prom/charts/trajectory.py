"""One patient's pain since the procedure: values in, drawing and words out.

Up is worse and the page says "Lower is better". Threshold lines and rings, never coloured zones: the reader sees the
value and the rule, and judges. What was not answered is drawn as not answered, and what we failed to send as ours.

Sources:
    Snyder 2017 (n = 1113) and 2019: threshold lines and marked values are read more accurately than shaded zones.
    Dworkin 2008 (IMMPACT): 30 % relief is moderate, 50 % substantial.
"""

from prom.charts import theme, timeline
from prom.charts import trajectory_drawing as drawing
from prom.charts.course import CoTreatment, PromptMark, Reading, Trajectory
from prom.charts.figure import Chart, Key, Mark, Table, number, percent

_KEY_MARKS = {
    PromptMark.ANSWERED: ("dot-small", theme.LINE),
    PromptMark.NO_REPLY: ("cross", theme.AMBER),
    PromptMark.NOT_SENT: ("square-open", theme.INK),
    PromptMark.OPEN: ("circle-dot", theme.LINE),
    PromptMark.PLANNED: ("circle-open", theme.MUTED),
}


figure = drawing.figure


def chart(course: Trajectory) -> Chart:
    """Return the pain chart of one patient with its words and numbers."""
    return Chart(
        name="trajectory",
        title="Pain since the procedure",
        unit=f"Pain 0\N{EN DASH}10, {course.question}.",
        direction="Lower is better.",
        summary=summary(course),
        table=table(course),
        figure=drawing.figure(course),
        keys=keys(course),
        marks=marks(course),
        switches=("time",),
    )


def summary(course: Trajectory) -> str:
    """Return the chart in one sentence."""
    after = course.after
    if not after:
        start = f"Pain was {number(course.baseline)} before the procedure" if course.baseline is not None else "Pain"
        return f"{start}; no answer since." if course.baseline is not None else "No pain answer yet."
    best = min(after, key=lambda reading: reading.nrs)
    last = after[-1]
    parts = []
    if course.baseline is not None:
        parts.append(f"Pain was {number(course.baseline)} before the procedure")
    parts.append(f"lowest {best.nrs} at {timeline.when(best.day)}{_relief_words(course, best)}")
    parts.append(f"latest {last.nrs} at {timeline.when(last.day)}{_relief_words(course, last)}")
    bad = [reading for reading in after if reading.bad]
    if bad:
        parts.append(f"below the limit on {timeline.days([reading.day for reading in bad])}")
    answered, over = course.replies()
    if over:
        parts.append(f"{answered} of {over} questions answered")
    text = ", ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def table(course: Trajectory) -> Table:
    """Return every question and answer in order of days."""
    rows = [(reading.day, _answer_row(course, reading)) for reading in course.readings]
    rows += [
        (prompt.day, (timeline.when(prompt.day), "", "", drawing.WORDS[prompt.mark]))
        for prompt in course.prompts
        if prompt.mark is not PromptMark.ANSWERED
    ]
    rows.sort(key=lambda row: row[0])
    return Table(("When", "Pain", "Relief", "Reply"), tuple(row for _, row in rows))


def keys(course: Trajectory) -> tuple[Key, ...]:
    """Return the legend: only what this chart holds."""
    found = [Key("line-dot", theme.LINE, "this patient")]
    if drawing.bridges(course):
        found.append(Key("dash", theme.LINE, "across a missed reply"))
    if any(reading.bad for reading in course.readings):
        found.append(Key("ring", theme.ALERT, "relief below the limit after a response"))
    if course.lost_between:
        found.append(Key("span", theme.ALERT, "relief lost between these days"))
    if any(not reading.counted for reading in course.readings):
        found.append(Key("diamond-open", theme.MUTED, "charted, not counted"))
    if course.similar and course.similar.shown():
        found.append(Key("band", theme.MUTED, f"{course.similar.description}: median, middle half, middle 80\xa0%"))
    found.append(Key("upright", theme.MUTED, "procedure"))
    found.append(Key("upright-dash", theme.MUTED, "today"))
    present = {prompt.mark for prompt in course.prompts}
    found += [Key(*_KEY_MARKS[mark], drawing.WORDS[mark]) for mark in PromptMark if mark in present]
    if present:
        found.append(Key("box", theme.WINDOW, "days on which an answer counts for the visit"))
    return tuple(found)


def marks(course: Trajectory) -> tuple[Mark, ...]:
    """Return the list that explains the numbers and letters."""
    events = [
        Mark(str(place), f"{drawing.day(event.day)}: {event.label}") for place, event in enumerate(course.events, 1)
    ]
    lanes = [
        Mark(drawing.letter(place), f"{drawing.day(treatment.start)} {_until(treatment)}: {treatment.label}")
        for place, treatment in enumerate(course.co_treatments)
    ]
    return (*events, *lanes)


def _until(treatment: CoTreatment) -> str:
    return "and going on" if treatment.end is None else f"to {timeline.when(treatment.end)}"


def _relief_words(course: Trajectory, reading: Reading) -> str:
    relief = course.relief(reading.nrs)
    return "" if relief is None else f" ({percent(relief)} relief)"


def _answer_row(course: Trajectory, reading: Reading) -> tuple[str, str, str, str]:
    relief = course.relief(reading.nrs) if reading.day > 0 else None
    words = "answered" if reading.counted else "answered, not counted"
    if reading.bad:
        words += ", below the limit"
    return (timeline.when(reading.day), str(reading.nrs), "" if relief is None else percent(relief), words)
