"""What imported answers mean beyond themselves: the prompts they answer and the sensitization record they complete."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlmodel import Session

from prom.domain import instruments, procedures, scoring, timetable
from prom.storage import answers, episodes, plans
from prom.storage.answers import NewAnswer
from prom.storage.models import Answer, Episode, Patient, Prompt, PromptState, Sensitization

ANSWERED = "answered"
_OPEN = (PromptState.PLANNED, PromptState.NOT_SENT, PromptState.MISSED, PromptState.ASKED, PromptState.PARTLY)
_SERIES_OF = {"csi": "csi", "pgic": "pgic", "relief_percent": "relief_percent", "peg": "peg"}


def assign(session: Session, rows: Sequence[NewAnswer]) -> None:
    """Bind answers that are about to be stored to the prompts whose windows they fall into."""
    known = _Plans(session, {row.episode_id for row in rows})
    for row in rows:
        prompt = known.prompt_for(row)
        row.prompt_id = prompt.id if prompt is not None else None


class _Plans:
    """The plans and prompts of some episodes."""

    def __init__(self, session: Session, episode_ids: Collection[int]) -> None:
        self.episodes = {row.id: row for row in episodes.by_ids(session, episode_ids)}
        self.patients = {row.id: session.get_one(Patient, row.patient_id) for row in self.episodes.values()}
        found = plans.by_ids(session, {row.plan_id for row in self.episodes.values()})
        self.plans = {plan_id: plans.plan(row) for plan_id, row in found.items()}
        self.prompts = {(row.episode_id, row.time_point): row for row in plans.prompts_of(session, episode_ids)}

    def prompt_for(self, answer: NewAnswer) -> Prompt | None:
        """Return the prompt an answer belongs to, or None outside every window."""
        episode = self.episodes[answer.episode_id]
        own = answer.instrument if answer.instrument in instruments.added().instruments else answer.series
        series = _SERIES_OF.get(answer.instrument, own)
        point = timetable.assigned(
            self._plan(episode), series, episode.procedure_at, answer.answered_at, self.patients[episode.id].time_zone
        )
        return self.prompts.get((episode.id, point.key)) if point is not None else None

    def _plan(self, episode: Episode) -> procedures.Plan:
        return self.plans[episode.plan_id]


def project(session: Session, rows: Sequence[NewAnswer], now: datetime) -> None:
    """Bring prompts and sensitization records up to date after answers were stored."""
    _mark_prompts(session, {row.prompt_id for row in rows if row.prompt_id is not None})
    _complete_sensitization(session, {row.episode_id for row in rows if row.instrument in {"csi", "csi_total"}}, now)
    session.flush()


def _mark_prompts(session: Session, prompt_ids: Collection[int]) -> None:
    held: dict[int, list[Answer]] = {}
    for answer in answers.of_prompts(session, prompt_ids):
        if answer.prompt_id is not None:
            held.setdefault(answer.prompt_id, []).append(answer)
    done = []
    for prompt in plans.prompts_by_ids(session, held):
        if prompt.state not in _OPEN:
            continue
        missing = _unanswered(prompt, held[prompt.id])
        prompt.state, prompt.reason = (PromptState.PARTLY if missing else PromptState.ANSWERED), ""
        prompt.position = len(prompt.questions.split()) - len(missing) if not missing else _first(prompt, missing)
        prompt.answered_at = prompt.answered_at or (
            None if missing else max(row.answered_at for row in held[prompt.id])
        )
        session.add(prompt)
        done += [] if missing else [prompt.id]
    plans.hold_back(session, done, ANSWERED)


def _unanswered(prompt: Prompt, rows: Iterable[Answer]) -> list[str]:
    held = {(row.instrument, row.series, row.item) for row in rows}
    return [key for key in prompt.questions.split() if not _wanted(key) <= held]


def _wanted(key: str) -> set[tuple[str, str, int]]:
    instrument, series = answers.kept_as(key)
    asked = instruments.question(key)
    items = asked.items if asked.numbered else (0,)
    return {(instrument, series, item) for item in items}


def _first(prompt: Prompt, missing: Sequence[str]) -> int:
    return prompt.questions.split().index(missing[0])


def _complete_sensitization(session: Session, episode_ids: Collection[int], now: datetime) -> None:
    """Score the CSI answers from before the procedure where the episode has no CSI yet."""
    for episode in episodes.by_ids(session, episode_ids):
        record = episodes.sensitization(session, episode.id)
        if record is not None and record.csi_min is not None:
            continue
        before = [row for row in answers.current(session, episode.id) if row.answered_at <= episode.procedure_at]
        result = _scored(before)
        if result is None:
            continue
        record = record or Sensitization(episode_id=episode.id, recorded_at=now)
        record.csi_answered, record.csi_min, record.csi_max = result.answered, result.min_total, result.max_total
        record.csi_source = "import"
        record.csi_at = max(row.answered_at for row in before if row.instrument in {"csi", "csi_total"})
        session.add(record)


def _scored(rows: Iterable[Answer]) -> scoring.CsiResult | None:
    values = {(row.instrument, row.item): row.value for row in rows}
    items = [values.get(("csi", number)) for number in range(1, instruments.CSI_ITEMS + 1)]
    if any(item is not None for item in items):
        return scoring.csi(items)
    total = values.get(("csi_total", 0))
    return scoring.csi_total(total) if total is not None else None
