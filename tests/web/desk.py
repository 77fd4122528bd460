"""Patients whose texts wait for the coordinator, for the tests of the desk."""

from datetime import timedelta

from prom.messaging.gateway import Received
from prom.services import planning, receiving
from prom.storage import audit, plans, tasks
from prom.storage.models import PromptState, Site
from tests import people


def page(response):
    return response.get_data(as_text=True)


def done(store, enrol, site, at, **changes):
    """Enrol somebody whose procedure took place at an instant."""
    with store.writing() as session:
        episode = enrol(session, site, at, **changes)
        planning.mark_done(session, episode, at, audit.COMMAND, at)
    return episode


def asked(store, episode, time_point="d14"):
    """Mark a prompt as asked at its time, as the sender does, and return it."""
    with store.writing() as session:
        prompt = next(row for row in plans.prompts(session, episode.id) if row.time_point == time_point)
        prompt.state = PromptState.ASKED
        prompt.asked_at = prompt.last_text_at = prompt.due_at
        session.add(prompt)
        # The question counts as one that reached the phone.
        from prom.storage import messages
        from prom.storage.models import MessageState

        for text in messages.of_prompt(session, prompt.id):
            text.state, text.sending_at = MessageState.DELIVERED, prompt.due_at
            session.add(text)
    return prompt


def texted(store, phone, words, at, number=1):
    """Let a text come in."""
    with store.writing() as session:
        return receiving.receive(session, Received(f"SM{number:032d}", phone, "+10000000000", words, 0, at), at)


def open_tasks(store, site):
    with store.reading() as session:
        return tasks.open_tasks(session, [site.id])


def fresh(store, row):
    with store.reading() as session:
        return session.get(type(row), row.id)


def other_site(store):
    with store.writing() as session:
        row = Site(name="far", label="Far Clinic", time_zone="Asia/Kolkata", key_sealed=store.vault.new_data_key())
        session.add(row)
    return row


def another(store, now):
    """Return the other site and Asha enrolled there."""
    far = other_site(store)
    with store.writing() as session:
        return far, people.asha(session, far, now)


def actions(store, action):
    """Return the audit rows of an action."""
    from sqlmodel import col, select

    from prom.storage.models import Audit

    with store.reading() as session:
        return list(session.exec(select(Audit).where(col(Audit.action) == action)))


def in_days(now, days):
    return now + timedelta(days=days)
