"""A clinic with one of everything, for the tests that attack it: ids of its rows, and what attackers type."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlmodel import select

from prom.messaging.gateway import Received
from prom.services import inviting, links, noting, plan_editing, planning, receiving, texting
from prom.storage import audit, plans
from prom.storage.models import (
    Alert,
    AlertKind,
    Answer,
    CoTreatment,
    CoTreatmentKind,
    Inbound,
    InvitationKind,
    PromptState,
    Site,
    Task,
)
from tests import people

SCRIPT = "<script>alert(1)</script>"
NASTY = (
    SCRIPT,
    "\"'><img src=x onerror=alert(1)>",
    "{{7919*7907}}${7919*7907}#{7919*7907}<%= 7919*7907 %>",
    "%s%n%(name)s{0}{label}",
    "\u202eRTL\u200b\u2066 LRI",
    "nul\x00here",
    "x" * 10_000,
    "\r\nX-Injected: yes\r\n\r\nBEGIN:VEVENT",
    "=cmd|' /C calc'!A0",
    "²",
    "9" * 5000,
    "-1",
    "0x10",
    "1e999",
    "٣",
    "../../etc/passwd",
    "9999-12-31",
    "0001-01-01T00:00",
    "9999-12-31T23:59",
    "\ud800",
    "",
    " ",
)


@dataclass
class Clinic:
    """The rows of one site by what they are."""

    site: Site
    ids: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)


def clinic(store, site, now, record="R-101", phone=people.ASHA_PHONE):  # noqa: PLR0915 - a list of rows
    """Fill a site: a procedure that is done and one that is planned, texts, tasks, an alert, a plan, invitations."""
    made = Clinic(site)
    ids = made.ids
    with store.writing() as session:
        site = session.get_one(Site, site.id)
        done = people.asha(session, site, now, record_number=record, phone=phone)
        planned = people.bikash(
            session, site, now, record_number=record + "-b", phone=phone[:-1] + "9", baseline_nrs=None, csi_items=None
        )
        planning.mark_done(session, done, now, audit.COMMAND, now)
        noting.treatment(
            session,
            done,
            CoTreatmentKind.OTHER,
            started_on=date(2026, 3, 1),
            stopped_on=None,
            note="a note",
            actor=audit.COMMAND,
            now=now,
        )
        patient = inviting.episodes.patient_of(session, done)
        waiting = inviting.episodes.patient_of(session, planned)
        prompt = next(row for row in plans.prompts(session, done.id) if row.time_point == "d14")
        prompt.state, prompt.asked_at, prompt.last_text_at = PromptState.ASKED, now, now
        prompt.due_at = prompt.opens_at = now
        session.add(prompt)
        alert = Alert(
            kind=AlertKind.RED,
            patient_id=patient.id,
            episode_id=done.id,
            site_id=site.id,
            raised_at=now,
            rule="pain is back",
            dedupe_key=f"{record}|red",
        )
        session.add(alert)
        plan = plan_editing.save(session, site, "genicular_rfa", _lines(session, site), audit.COMMAND, now)
        baseline = inviting.invite(session, waiting, planned, InvitationKind.BASELINE, "qr", audit.COMMAND, now)
        consent = inviting.invite(session, waiting, None, InvitationKind.CONSENT, "qr", audit.COMMAND, now)
        tried = texting.queue_test_text(session, site, "+919007055555", "en", audit.COMMAND, now)
        made.tokens = {
            "a": links.token(store.vault, prompt),
            "b": inviting.token(session, baseline),
            "c": inviting.token(session, consent),
        }
        session.flush()
        ids |= {
            "patient": patient.public_id,
            "waiting": waiting.public_id,
            "done": done.public_id,
            "planned": planned.public_id,
            "prompt": prompt.public_id,
            "alert": alert.public_id,
            "plan": plan.public_id,
            "baseline": baseline.public_id,
            "consent": consent.public_id,
            "test text": tried.public_id,
            "site": site.public_id,
            "site name": site.name,
        }
    with store.writing() as session:
        receiving.receive(session, Received(f"SM{record}1", phone, "+10000000000", "please call me", 0, now), now)
        receiving.receive(session, Received(f"SM{record}2", phone, "+10000000000", "chest pain", 0, now), now)
    with store.reading() as session:
        of = {"site_id": site.id}
        for number, task in enumerate(session.exec(select(Task).filter_by(**of)).all()):
            ids[f"task {number}"] = task.public_id
        ids["inbound"] = session.exec(select(Inbound).filter_by(**of)).first().public_id
        ids["treatment"] = session.exec(select(CoTreatment).filter_by(episode_id=done.id)).first().public_id
        ids["answer"] = session.exec(select(Answer).filter_by(episode_id=done.id, instrument="nrs")).first().public_id
    return made


def _lines(session, site):
    plan, _row = plan_editing.in_use(session, site, "genicular_rfa")
    return [line for line in plan_editing.lines(plan) if line.at][:-1]


def later(now):
    """Return a time at which the clinic's questions are open."""
    return now + timedelta(hours=1)
