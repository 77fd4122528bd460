"""Patients with one prompt and one waiting text each, made row by row: what the tests of sending start from."""

import itertools
import time
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

from sqlmodel import select

from prom import config
from prom.services import prompting
from prom.storage import messages, patients
from prom.storage.models import (
    Consent,
    Episode,
    EpisodeState,
    Message,
    MessageKind,
    Patient,
    Plan,
    Prompt,
    PromptState,
    Purpose,
    Site,
    Task,
)

_numbers = itertools.count(1)


def settings(instance, **changes):
    """Return settings of a rehearsal with a rate too high to be felt."""
    values = {
        "PROM_INSTANCE": str(instance),
        "PROM_GATEWAY": "twilio",
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "secret",
        "PROM_TWILIO_FROM": "+15005550006",
        "PROM_TWILIO_API_URL": "http://127.0.0.1:1",
        "PROM_PUBLIC_URL": "https://clinic.example",
        "PROM_SEND_RATE": "100000",
    }
    return replace(config.read(values), **changes)


def waiting(session, site, now, *, phone=None, patient=None, **changes):
    """Add a patient with a prompt due now and its text, and return (patient, episode, prompt, message)."""
    number = next(_numbers)
    patient = patient or _patient(session, site, now, phone or f"+9190071{number:05d}", number)
    episode = _episode(session, site, patient, now, number)
    prompt, message = add_prompt(session, patient, episode, now, **changes)
    return SimpleNamespace(patient=patient, episode=episode, prompt=prompt, message=message)


def add_prompt(session, patient, episode, now, *, due_at=None, closes_at=None, key="d7", kind="prompt", **changes):
    """Add one more prompt of an episode with its waiting text."""
    due_at = due_at or now
    prompt = Prompt(
        episode_id=episode.id,
        patient_id=patient.id,
        site_id=patient.site_id,
        time_point=key,
        kind=kind,
        questions=changes.pop("questions", "nrs"),
        state=changes.pop("state", PromptState.PLANNED),
        due_at=due_at,
        opens_at=due_at - timedelta(days=1),
        closes_at=closes_at or due_at + timedelta(days=3),
    )
    session.add(prompt)
    session.flush()
    message = text(session, patient, prompt, now, kind=MessageKind(kind), **changes)
    return prompt, message


def text(session, patient, prompt, now, *, kind=MessageKind.PROMPT, key="", **changes):
    """Add a waiting text about a prompt."""
    values = {
        "site_id": patient.site_id,
        "patient_id": patient.id,
        "prompt_id": prompt.id if prompt else None,
        "inbound_id": None,
        "dedupe_key": f"{prompt.public_id if prompt else patient.public_id}|{kind}|{key}",
        "kind": kind,
        "text_key": "nrs",
        "question": "nrs",
        "phone_index": patient.phone_index,
        "due_at": prompt.due_at if prompt else now,
        "expires_at": prompt.closes_at if prompt else now + timedelta(minutes=15),
    }
    return messages.add_pending(session, **(values | changes), now=now)


def _patient(session, site, now, phone, number):
    patient = Patient(
        site_id=site.id,
        key_sealed=session.info["vault"].new_data_key(),
        record_index="",
        time_zone="Asia/Kolkata",
        created_at=now,
    )
    patients.seal(session, patient, patients.Identity(f"R-{number}", "Test", f"Person {number}", phone))
    session.add(patient)
    session.flush()
    session.add(
        Consent(
            patient_id=patient.id,
            site_id=site.id,
            purpose=Purpose.TEXTING,
            version="1",
            language="en",
            method="paper",
            given_at=now - timedelta(days=30),
        )
    )
    return patient


def _episode(session, site, patient, now, number):
    plan = Plan(site_id=site.id, procedure="genicular_rfa", version=f"t{number}", definition="{}", created_at=now)
    session.add(plan)
    session.flush()
    episode = Episode(
        patient_id=patient.id,
        site_id=site.id,
        plan_id=plan.id,
        procedure="genicular_rfa",
        target=f"knee {number}",
        state=EpisodeState.DONE,
        procedure_at=now - timedelta(days=7),
        created_at=now - timedelta(days=20),
    )
    session.add(episode)
    session.flush()
    return episode


def fresh(store, row):
    """Return a row as it stands in the database now."""
    with store.reading() as session:
        return session.get(type(row), row.id)


def body(store, message):
    """Return the words of a text."""
    with store.reading() as session:
        return messages.body(session, session.get(Message, message.id))


def site(session):
    """Add the site "main" in Kolkata."""
    row = Site(
        name="main", label="Asha Clinic", time_zone="Asia/Kolkata", key_sealed=session.info["vault"].new_data_key()
    )
    session.add(row)
    session.flush()
    return row


def ticking(now):
    """Return a clock that starts at an instant and then runs."""
    start = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - start)


def send(store, phones, settings, now, **more):
    """Send with a clock that stands still; the rate would wait for it for ever, so phones are simulated here."""
    return prompting.send_due(store, phones, replace(settings, gateway="simulated"), lambda: now, **more)


def all_tasks(store):
    """Return every task."""
    with store.reading() as session:
        return list(session.exec(select(Task)))


def sent_to(phones, phone, now):
    """Return the texts that simulated phones got."""
    return phones.find_sent(phone, now - timedelta(days=400))


def change(store, row, **values):
    """Change a stored row."""
    with store.writing() as session:
        row = session.get(type(row), row.id)
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)
