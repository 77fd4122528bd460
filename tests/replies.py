"""Patients who were asked and what their phones text: where the tests of receiving start from."""

import itertools
from datetime import timedelta

from sqlmodel import select

from prom.messaging.gateway import Received
from prom.storage.models import Answer, AnswerState, Inbound, Message, MessageState, PromptState
from tests import outbox

_numbers = itertools.count(1)
OWN_NUMBER = "+15005550006"


def asked(store, site, now, **changes):
    """Add a patient whose prompt was texted an hour ago, and return (patient, episode, prompt, message)."""
    at = changes.pop("asked_at", now - timedelta(hours=1))
    with store.writing() as session:
        made = outbox.waiting(session, site, now, due_at=at, **changes)
        reach(session, made.prompt, made.message, at)
    made.phone = phone_of(store, made.patient)
    return made


def reach(session, prompt, message, at):
    """Let the text of a prompt have reached its phone at an instant."""
    message.state, message.sending_at, message.accepted_at = MessageState.ACCEPTED, at, at
    message.provider_sid = f"SM{next(_numbers):032d}"
    prompt.state, prompt.last_text_at = PromptState.ASKED, at
    session.add_all([prompt, message])
    session.flush()


def phone_of(store, patient):
    from prom.storage import patients

    with store.reading() as session:
        return patients.phone(session, session.get_one(type(patient), patient.id))


def text(phone, body, at, *, sid=None, num_media=0):
    """Return one text as a gateway hands it over."""
    sid = sid or f"SI{next(_numbers):032d}"
    return Received(sid=sid, from_=phone, to=OWN_NUMBER, body=body, num_media=num_media, received_at=at)


def every(store, kind):
    """Return all rows of a table, oldest first."""
    with store.reading() as session:
        return list(session.exec(select(kind).order_by(kind.id)))


def scores(store, prompt=None):
    """Return the pain scores that count, of one prompt or all."""
    return [
        row.value
        for row in every(store, Answer)
        if row.state is AnswerState.CURRENT and (prompt is None or row.prompt_id == prompt.id)
    ]


def texts_in(store):
    return every(store, Inbound)


def sent_back(store):
    """Return the keys of the texts that answer a text."""
    return [row.text_key for row in every(store, Message) if row.inbound_id is not None]
