"""The morning's counts: numbers only, once a day, to those who want them and are here."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select

from jobs import digest
from prom.services import absences, digesting, watching
from prom.storage import closing, on_call, tasks
from prom.storage.models import Message, MessageKind, Site, TaskKind
from prom.storage.session import vault_of
from tests import people
from tests.services.test_watching import score

EIGHT = datetime(2026, 3, 2, 2, 10, tzinfo=UTC)  # 07:40 in Kolkata


@pytest.fixture
def rao(store, site, dr_rao, now):
    """Return Dr Rao with a number, who wants the counts."""
    with store.writing() as session:
        row = on_call.by_id(session, dr_rao.id)
        absences.save(session, row, absences.Given("+919830012345", digest=True), people.actor(row), now)
    return row


@pytest.fixture
def lost(store, site, now):
    """Return Bikash's episode with a confirmed loss of relief, and a call to make."""
    with store.writing() as session:
        episode = people.bikash(session, site, now, procedure_at=now - timedelta(days=200), done=True)
        for day, nrs in ((14, 2), (30, 2), (60, 6), (64, 6)):
            score(session, episode, day, nrs, now)
        watching.refresh(session, [episode.id], now)
        tasks.open_task(
            session, site_id=site.id, kind=TaskKind.CALL, reason="unanswered", dedupe_key="call|1",
            patient_id=episode.patient_id, now=now,
        )  # fmt: skip
    return episode


def queue(store, at):
    with store.writing() as session:
        return digesting.queue(session, at)


def texts(store):
    with store.reading() as session:
        rows = session.exec(select(Message).where(Message.kind == MessageKind.STAFF)).all()
        vault, site = vault_of(session), session.exec(select(Site)).first()
        return [
            (
                row.text_key,
                json.loads(vault.open(site.key_sealed, f"message|variables|{row.public_id}", row.variables_sealed)),
            )
            for row in rows
        ]


def test_the_counts_go_out_once_a_day_and_hold_numbers_only(store, rao, lost):
    assert queue(store, EIGHT) == 1
    assert queue(store, EIGHT + timedelta(minutes=5)) == 0
    ((key, values),) = texts(store)
    assert key == "staff_digest"
    assert {name: values[name] for name in ("losing", "new", "call")} == {"losing": 1, "new": 1, "call": 1}
    assert queue(store, EIGHT + timedelta(days=1)) == 1


@pytest.mark.parametrize("minutes", [-30, 5 * 60])
def test_they_leave_in_the_morning_only(store, rao, lost, minutes):
    assert queue(store, EIGHT + timedelta(minutes=minutes)) == 0


def test_a_morning_with_nothing_to_see_sends_nothing(store, rao):
    assert queue(store, EIGHT) == 0


def test_nobody_is_texted_who_did_not_ask_for_it(store, dr_rao, lost):
    assert queue(store, EIGHT) == 0


def test_whoever_is_away_is_left_alone(store, rao, lost):
    with store.writing() as session:
        row = on_call.by_id(session, rao.id)
        row.away_from_on, row.away_to_on = date(2026, 3, 1), date(2026, 3, 9)
        session.add(row)
    assert queue(store, EIGHT) == 0
    assert queue(store, EIGHT + timedelta(days=8)) == 1


def test_a_closed_day_sends_nothing(store, site, rao, lost):
    with store.writing() as session:
        closing.add(session, site.id, date(2026, 3, 2), "Holi")
    assert queue(store, EIGHT) == 0


def test_alerts_seen_at_the_last_sign_in_are_not_new(store, rao, lost, now):
    with store.writing() as session:
        row = on_call.by_id(session, rao.id)
        row.current_sign_in_at = now + timedelta(hours=1)
        session.add(row)
    queue(store, EIGHT + timedelta(days=1))
    assert texts(store)[0][1]["new"] == 0
    assert texts(store)[0][1]["losing"] == 1


def test_the_job_says_how_many(store, rao, lost, wired_clock):
    assert digest.run(wired_clock(EIGHT), None) == "queued 1"
