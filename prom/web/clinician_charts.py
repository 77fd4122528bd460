"""What the services know of one patient, handed to the charts."""

from collections.abc import Sequence
from dataclasses import dataclass

from prom.charts import course, relief, sensitization, spark, trajectory
from prom.charts.figure import Chart, Svg
from prom.services.reviewing_views import Badge, PatientRow, PatientView, Point

AVERAGE, CURRENT = "average_24h", "current"
QUESTIONS = {AVERAGE: "average pain in the last 24 hours", CURRENT: "current pain"}
# The badge macro's tones: each has its own sign beside the colour.
TONES = {Badge.GOOD: "good", Badge.WATCH: "info", Badge.AMBER: "amber", Badge.RED: "alert", Badge.NONE: "quiet"}


@dataclass(frozen=True, slots=True)
class PatientCharts:
    """The charts of the patient page; `csi` is None without a questionnaire."""

    trajectory: Chart
    relief: Chart | None
    csi: Chart | None


def charts(seen: PatientView) -> PatientCharts:
    """Return the charts of one patient and procedure."""
    drawn = trajectory_of(seen)
    return PatientCharts(
        trajectory=trajectory.chart(drawn),
        relief=relief.chart(drawn) if drawn.baseline and drawn.after else None,
        csi=sensitization.chart(csi_course(seen)) if seen.csi_course else None,
    )


def series_of(seen: PatientView) -> str:
    """Return the series that the chart follows: current pain only where nothing else was asked."""
    return AVERAGE if not seen.points or any(point.series == AVERAGE for point in seen.points) else CURRENT


def trajectory_of(seen: PatientView) -> course.Trajectory:
    """Return the pain of one patient as the charts take it."""
    series = series_of(seen)
    verdict = seen.verdict
    between = verdict.lost_between if verdict else None
    return course.Trajectory(
        readings=tuple(_reading(point, series) for point in seen.points),
        baseline=_baseline(seen, series),
        today=float(seen.episode.day),
        prompts=tuple(
            course.Prompt(prompt.day, prompt.opens, prompt.closes, course.PromptMark(prompt.mark.value))
            for prompt in seen.prompts
        ),
        events=tuple(course.Event(event.day, _event_words(event.label, event.note)) for event in seen.events),
        co_treatments=tuple(
            course.CoTreatment(lane.start, lane.end, lane.kind.replace("_", " ")) for lane in seen.co_treatments
        ),
        similar=_similar(seen),
        lost_between=None if between is None else (float(between[0]), float(between[1])),
        question=QUESTIONS[series],
    )


def _reading(point: Point, series: str) -> course.Reading:
    """Return an answer; those before the procedure make the baseline, so they are joined to the line like the rest."""
    stands = point.state == "current" and point.series == series
    counted = point.counted or (stands and (point.day < 0 or series == CURRENT))
    return course.Reading(point.day, point.nrs, point.bad, counted)


def _baseline(seen: PatientView, series: str) -> float | None:
    if seen.verdict is not None and seen.verdict.baseline is not None:
        return seen.verdict.baseline
    before = [p.nrs for p in seen.points if p.day < 0 and p.state == "current" and p.series == series]
    return sum(before) / len(before) if before else None


def _event_words(label: str, note: str) -> str:
    return f"{label} ({note})" if note else label


def _similar(seen: PatientView) -> course.Similar | None:
    if seen.similar is None:
        return None
    points = tuple(course.SimilarPoint(p.day, p.n, p.p10, p.p25, p.p50, p.p75, p.p90) for p in seen.similar.points)
    return course.Similar(f"{seen.similar.n} similar patients ({seen.similar.words})", points)


def csi_course(seen: PatientView) -> sensitization.CsiCourse:
    """Return the questionnaires of one patient; item 24 from the baseline is said."""
    scores = tuple(
        sensitization.CsiScore(float(at.day), at.csi.low, at.csi.high, _note(at.csi.words, at.carried))
        for at in seen.csi_course
    )
    return sensitization.CsiCourse(scores, float(seen.episode.day))


def _note(words: str, carried: bool) -> str:
    return f"{words}; item 24 from the baseline" if carried else words


def row_spark(row: PatientRow) -> Svg:
    """Return the small line of a list; its words are the scores in order."""
    if not row.spark:
        return Svg("")
    return spark.spark(row.spark, row.baseline, f"Pain {_told(row.spark)}", alert=row.badge is Badge.RED)


def _told(scores: Sequence[tuple[float, int]]) -> str:
    return ", ".join(str(nrs) for _, nrs in scores)
