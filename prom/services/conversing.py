"""Carry out what a text from a patient does: store answers, send texts back, tell people, stop, pause."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from prom.domain import dialogue, instruments, replies
from prom.services import answering, stopping
from prom.storage import alerts, audit, channels, conversation, episodes, messages, outbox, tasks
from prom.storage.conversation import Asked, Person, Text
from prom.storage.models import (
    Alert,
    AlertKind,
    Episode,
    InboundState,
    MessageKind,
    Patient,
    Site,
    Source,
    TaskKind,
)

ANSWER_WITHIN = timedelta(minutes=15)
UNTIL_STAFF_RESUME = datetime(2200, 1, 1, tzinfo=UTC)
# Later than this the advice would startle more than help; the urgent task tells people that no text went out.
EMERGENCY_HOURS = 1
PAUSE = timedelta(days=dialogue.PAUSE_DAYS)
CALLS = frozenset({"call_me", "death", "hospital", "complaint"})


def apply(
    session: Session,
    row: Text,
    prompt: Asked | None,
    people: Sequence[Person | Patient],
    effects: dialogue.Effects,
    now: datetime,
    *,
    echo: str | None = None,
    phone: str | None = None,
) -> None:
    """Carry out the effects of one text in order.

    `echo` is how the site says back what was understood, None to look it up; `phone` is the sender's number, to answer
    somebody who is no patient.
    """
    patient = next((person for person in people if person.id == row.patient_id), None)
    echoes = echo if echo is not None else session.get_one(Site, row.site_id).echo
    turn = _Turn(session, row, prompt, patient, people, now, echoes_each=echoes == "each", phone=phone)
    for effect in effects:
        turn.carry_out(effect)


class _Turn:
    """One text and what it leads to."""

    def __init__(
        self,
        session: Session,
        row: Text,
        prompt: Asked | None,
        patient: Person | Patient | None,
        people: Sequence[Person | Patient],
        now: datetime,
        *,
        echoes_each: bool,
        phone: str | None,
    ) -> None:
        self.session, self.row, self.prompt, self.patient = session, row, prompt, patient
        self.people, self.now, self.phone = people, now, phone
        self.echo: dict[str, object] | None = None
        self.echoes_each = echoes_each

    def carry_out(self, effect: dialogue.Effect) -> None:  # noqa: C901, PLR0912 - one case an effect
        match effect:
            case dialogue.StoreAnswer(question=key, value=value, doubtful=doubtful):
                self._answer(key, value, correction=False)
                self.echo = {"echo": key, "value": value} if doubtful or self.echoes_each else None
            case dialogue.Correct(question=key, value=value):
                self._answer(key, value, correction=True)
            case dialogue.Say(text_key=text, question=question):
                self._say(text, question)
            case dialogue.AskAgain(question=question, nth=nth):
                self._ask_again(question, nth)
            case dialogue.ForPeople(reason=reason, candidate=candidate, urgent=urgent):
                self._for_people(reason, candidate, urgent=urgent)
            case dialogue.RedFlag(kind=kind, candidate=candidate):
                self._red_flag(kind, candidate)
            case dialogue.StopTexts():
                self._stop()
            case dialogue.Reopen():
                self._reopen()
            case dialogue.PausePrompts(reason=reason):
                self._pause(reason)
            case dialogue.ResumePrompts():
                self._resume()
            case dialogue.AskLater(hours=hours):
                self._ask_later(hours)

    def _answer(self, key: str, value: dialogue.Value, *, correction: bool) -> None:
        assert self.prompt is not None
        if not _fits(key, value):
            self._for_people("correction_out_of_range", None, urgent=False)
            return
        origin = answering.Origin(
            Source.SMS,
            self.row.received_at,
            audit.PATIENT,
            inbound=self.row,
            rule=self.row.rule,
            parser_version=replies.PARSER_VERSION,
        )
        # Who answers a prompt is its patient, whoever else has the phone.
        owner = next((person for person in self.people if person.id == self.prompt.patient_id), None)
        answering.record(self.session, self.prompt, key, value, origin, self.now, correction=correction, patient=owner)

    def _say(self, text_key: str, question: str, nth: int = 0) -> None:
        emergency = text_key.startswith("emergency")
        offers_link = text_key == "link_offer"
        if offers_link and self.prompt is not None:
            self.prompt.reasks = dialogue.MOST_REASKS + 1
            conversation.keep_prompt(self.session, self.prompt)
        late = not emergency and self.now - self.row.received_at > ANSWER_WITHIN
        if late and (text_key in instruments.QUESTIONS or text_key.startswith("reask_")):
            self._ask_late(question)
            return
        # An answer whose quarter of an hour is over does not leave; its row says so.
        at = self.row.received_at if late else self.now
        text = {
            "site_id": self.patient.site_id if self.patient else self.row.site_id,
            "patient_id": self.patient.id if self.patient else None,
            "prompt_id": self.prompt.id if self.prompt and (question or offers_link) else None,
            "inbound_id": self.row.id,
            "dedupe_key": f"{self.row.public_id}|{text_key}|{nth}",
            "kind": MessageKind.EMERGENCY if emergency else MessageKind.REPLY,
            "text_key": text_key,
            "question": question,
            "variables": self.echo if text_key == question else None,
            "phone_index": self.row.phone_index,
            "phone": None if self.patient else self.phone,
            "due_at": at,
            "expires_at": at + (timedelta(hours=EMERGENCY_HOURS) if emergency else ANSWER_WITHIN),
        }
        messages.queue_answer(self.session, text, self.now)

    def _ask_late(self, question: str) -> None:
        """Go on with the questions of a text that was fetched long after it came, as we do unasked: by day, in turn."""
        if self.prompt is not None:
            self._remind(question, self.now, f"late|{question}")

    def _ask_again(self, question: str, nth: int) -> None:
        assert self.prompt is not None
        self.prompt.reasks = nth
        conversation.keep_prompt(self.session, self.prompt)
        self._say(f"reask_{nth}", question, nth)

    def _patients(self, *, all_of_phone: bool = False) -> list[Patient]:
        """Return the rows of who texted, or of all who have the phone, to change them or name them in the trail."""
        chosen = self.people if all_of_phone or self.patient is None else [self.patient]
        return [self.session.get_one(Patient, person.id) for person in chosen]

    def _for_people(self, reason: str, candidate: float | None, *, urgent: bool) -> None:
        self.row.state = InboundState.PEOPLE if self.people else InboundState.UNMATCHED
        open_read_task(self.session, self.row, reason, candidate, self.now, urgent=urgent)

    def _red_flag(self, kind: str, candidate: float | None) -> None:
        self.row.state = InboundState.PEOPLE if self.people else InboundState.UNMATCHED
        tasks.open_task(
            self.session,
            site_id=self.row.site_id,
            kind=TaskKind.CALL,
            reason=f"red_flag_{kind}",
            dedupe_key=f"red_flag|{self.row.public_id}",
            patient_id=self.patient.id if self.patient else None,
            prompt_id=self.row.prompt_id,
            inbound_id=self.row.id,
            urgent=True,
            candidate=_offered(candidate),
            now=self.now,
        )
        for person in [self.patient] if self.patient else self.people:
            for episode in episodes.open_of_patient(self.session, person.id)[-1:]:
                alerts.raise_all(self.session, [self._alert(episode, kind)])

    def _alert(self, episode: Episode, kind: str) -> Alert:
        return Alert(
            episode_id=episode.id,
            patient_id=episode.patient_id,
            site_id=episode.site_id,
            kind=AlertKind.RED_FLAG,
            rule=f"A text spoke of a possible emergency: {kind.replace('_', ' ')}.",
            raised_at=self.now,
            dedupe_key=f"red_flag|{self.row.public_id}|{episode.id}",
        )

    def _stop(self) -> None:
        channels.suppress(self.session, self.row.phone_index, source="reply", now=self.now)
        stopping.suppress_waiting(self.session, self.row.phone_index)
        for person in self._patients(all_of_phone=True):
            audit.record(self.session, audit.PATIENT, "opted out", person, self.now, reason="by text")
            tasks.open_task(
                self.session,
                site_id=person.site_id,
                kind=TaskKind.STOPPED,
                reason="opted_out",
                dedupe_key=f"opted_out|{person.public_id}|{self.row.public_id}",
                patient_id=person.id,
                inbound_id=self.row.id,
                now=self.now,
            )

    def _reopen(self) -> None:
        channels.reopen(self.session, self.row.phone_index, self.now)
        outbox.reopen_phone(self.session, self.row.phone_index, self.now)
        for person in self._patients(all_of_phone=True):
            audit.record(self.session, audit.PATIENT, "opted in", person, self.now, reason="by text")

    def _pause(self, reason: str) -> None:
        until = self.now + PAUSE if reason == "asked" else UNTIL_STAFF_RESUME
        for person in self._patients():
            if person.paused_until is not None and person.paused_until > until:
                # Whoever has the phone of somebody who died or moved must not start the questions again by PAUSE.
                continue
            person.paused_until, person.paused_reason = until, reason[:24]
            self.session.add(person)
            change = audit.Change("paused_reason", "", reason)
            audit.record(self.session, audit.PATIENT, "paused", person, self.now, patient=person, change=change)

    def _resume(self) -> None:
        for person in self._patients():
            person.paused_until, person.paused_reason = None, ""
            self.session.add(person)
            audit.record(self.session, audit.PATIENT, "resumed", person, self.now)

    def _ask_later(self, hours: int) -> None:
        assert self.prompt is not None
        due = self.now + timedelta(hours=hours)
        question = answering.open_question(self.prompt)
        if question is not None:
            self._remind(question, due, f"later|{self.row.public_id}")

    def _remind(self, question: str, due: datetime, key: str) -> None:
        """Queue a question of the prompt for an instant, if its window is open then."""
        assert self.prompt is not None
        if due >= self.prompt.closes_at or self.patient is None:
            return
        messages.add_pending(
            self.session,
            site_id=self.row.site_id,
            patient_id=self.patient.id,
            prompt_id=self.prompt.id,
            inbound_id=None,
            dedupe_key=f"{self.prompt.public_id}|{key}",
            kind=MessageKind.REMINDER,
            text_key=question,
            question=question,
            phone_index=self.row.phone_index,
            due_at=due,
            expires_at=self.prompt.closes_at,
            now=self.now,
        )


def open_read_task(
    session: Session, row: Text, reason: str, candidate: float | None, now: datetime, *, urgent: bool = False
) -> None:
    """Put a text before a person, with the score to offer with one tap if there is one."""
    tasks.open_task(
        session,
        site_id=row.site_id,
        kind=TaskKind.CALL if reason in CALLS else TaskKind.READ,
        reason=reason[:40],
        dedupe_key=f"read|{row.public_id}|{reason}"[:80],
        patient_id=row.patient_id,
        prompt_id=row.prompt_id,
        inbound_id=row.id,
        urgent=urgent,
        candidate=_offered(candidate),
        now=now,
    )


def _offered(candidate: float | None) -> str:
    return "" if candidate is None else f"{candidate:g}"


def _fits(key: str, value: dialogue.Value) -> bool:
    question = instruments.question(key)
    if isinstance(value, tuple) or question.scale.value == "csi5":
        return isinstance(value, tuple) and len(value) == len(question.items)
    low, high = question.limits
    return low <= value <= high
