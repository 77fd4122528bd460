"""The schedule of one patient: done, moved, cancelled, paused, noted; each with its rules and its history."""

import re
from datetime import timedelta

import pytest

from prom.services import consenting
from prom.storage import desk as desk_rows
from prom.storage import episodes, messages, patients, plans
from prom.storage.models import EpisodeState, EventKind, MessageState, Patient, PromptState
from tests import people
from tests.web.desk import actions, another, asked, done, fresh, page, texted


@pytest.fixture
def asha(app, wired, site, now):
    """Return Asha's episode, ten days ahead at 10:00 in Kolkata."""
    with wired.store.writing() as session:
        return people.asha(session, site, now)


@pytest.fixture
def person(wired, asha):
    """Return Asha."""
    with wired.store.reading() as session:
        return session.get(Patient, asha.patient_id)


def states(wired, episode):
    with wired.store.reading() as session:
        return {row.time_point: row.state for row in plans.prompts(session, episode.id)}


def test_each_question_shows_its_day_window_and_state(client_as, asha, person):
    shown = page(client_as("coordinator").get(f"/patients/{person.public_id}/schedule"))
    assert "0 of 0 answered so far; 13 in the plan." in shown
    assert "Day 14" in shown
    assert "7 days before" in shown
    assert "Asha Das · R-101" in shown


def test_reading_leaves_an_audit_row(client_as, wired, asha, person):
    client_as("coordinator").get(f"/patients/{person.public_id}/schedule")
    assert [(row.object_id, row.reason) for row in actions(wired.store, "read")] == [(person.public_id, "schedule")]


def test_done_with_one_tap_takes_the_planned_time_once_it_is_past(client_as, wired, asha, now):
    wired.clock.move_to(asha.procedure_at + timedelta(hours=2))
    client = client_as("coordinator")
    answer = client.post(f"/procedures/{asha.public_id}/done", data={"back": "todo"})
    assert answer.location.endswith("/todo")
    stored = fresh(wired.store, asha)
    assert (stored.state, stored.procedure_at) == (EpisodeState.DONE, asha.procedure_at)
    again = client.post(f"/procedures/{asha.public_id}/done", data={"back": "todo"}, follow_redirects=True)
    assert "This procedure is already done." in page(again)


def test_done_before_its_planned_time_means_now(client_as, wired, asha, now):
    client_as("coordinator").post(f"/procedures/{asha.public_id}/done")
    assert abs(fresh(wired.store, asha).procedure_at - now) < timedelta(minutes=1)


def test_todays_procedures_head_the_queue_and_an_old_one_is_overdue(client_as, wired, asha):
    client = client_as("coordinator")
    assert "Procedures today" not in page(client.get("/todo"))
    wired.clock.move_to(asha.procedure_at - timedelta(hours=1))
    shown = page(client.get("/todo"))
    assert shown.index("Procedures today (1)") < shown.index("Nothing to do here.")
    assert "Mark it when it is over" in shown
    wired.clock.move_to(asha.procedure_at + timedelta(days=3))
    assert "Overdue" in page(client.get("/todo"))


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Enter a date and a time."),
        ("soon", "Enter a date and a time."),
        ("2026-03-20", "Enter a date and a time."),
        ("2026-13-01T10:00", "Enter a date and a time."),
        ("1960-01-01T10:00", "too long ago"),
        ("2031-01-01T10:00", "more than two years ahead"),
        ("2026-03-01T10:00", "mark the procedure done with that date instead"),
        ("2026-03-12T10:00", "This is the date it has now."),
        ("9999-12-31T23:59", "more than two years ahead"),
    ],
)
def test_a_date_that_cannot_be_is_refused_and_kept(client_as, wired, asha, typed, says):
    answer = client_as("coordinator").post(f"/procedures/{asha.public_id}/move", data={"move_at": typed})
    assert answer.status_code == 422
    assert says in page(answer)
    assert fresh(wired.store, asha).procedure_at == asha.procedure_at


def test_a_move_is_previewed_and_done_only_when_confirmed(client_as, wired, asha):
    client = client_as("coordinator")
    address, sent = f"/procedures/{asha.public_id}/move", {"move_at": "2026-03-30T10:00"}
    preview = page(client.post(address, data=sent))
    assert "Nothing has changed yet." in preview
    assert "moved" in preview
    assert "Mon 30 March, 10:00 instead of Thu 12 March, 10:00." in preview
    assert fresh(wired.store, asha).procedure_at == asha.procedure_at
    assert client.post(address, data={**sent, "confirm": "1"}).status_code == 303
    stored = fresh(wired.store, asha)
    assert stored.procedure_at == asha.procedure_at + timedelta(days=18)
    assert stored.moved_from == asha.procedure_at


def test_a_cancelled_procedure_ends_its_questions_and_can_be_planned_again(client_as, wired, asha, person):
    client = client_as("coordinator")
    client.post(f"/procedures/{asha.public_id}/cancel", data={"reason": "fever"})
    assert fresh(wired.store, asha).state is EpisodeState.CANCELLED
    assert states(wired, asha)["d14"] is PromptState.CANCELLED
    assert "the procedure was cancelled" in page(client.get(f"/patients/{person.public_id}/schedule"))
    client.post(f"/procedures/{asha.public_id}/reopen")
    assert fresh(wired.store, asha).state is EpisodeState.PLANNED
    assert states(wired, asha)["d14"] is PromptState.PLANNED


def test_another_number_goes_to_what_waits_and_kills_old_links(client_as, wired, asha, person):
    client = client_as("coordinator")
    before = {row.nonce for row in _prompts(wired, asha)}
    answer = client.post(f"/patients/{person.public_id}/number", data={"phone": "90070 00555"})
    assert answer.status_code == 303
    with wired.store.reading() as session:
        row = session.get(Patient, person.id)
        assert patients.phone(session, row) == "+919007000555"
        waiting = [m for m in desk_rows.messages_of(session, row.id) if m.state is MessageState.PENDING]
        assert waiting
        assert {m.phone_index for m in waiting} == {row.phone_index}
    assert not before & {row.nonce for row in _prompts(wired, asha)}


def _prompts(wired, episode):
    with wired.store.reading() as session:
        return plans.prompts(session, episode.id)


@pytest.mark.parametrize(
    "typed", ["", "12", "not a phone", "+91 33 2345 6789", "+1 555 010 9999 ext 4", "+999123456789"]
)
def test_a_number_that_takes_no_texts_is_refused(client_as, wired, asha, person, typed):
    answer = client_as("coordinator").post(f"/patients/{person.public_id}/number", data={"phone": typed})
    assert answer.status_code == 422
    with wired.store.reading() as session:
        assert patients.phone(session, session.get(Patient, person.id)) == people.ASHA_PHONE


def test_clinicians_see_masked_numbers_and_may_not_change_them(client_as, asha, person):
    client = client_as("clinician")
    shown = page(client.get(f"/patients/{person.public_id}/schedule"))
    assert "101" in shown
    assert "90070 00101" not in shown
    assert "+919007000101" not in shown
    assert client.post(f"/patients/{person.public_id}/number", data={"phone": "90070 00555"}).status_code == 403


def test_a_pause_has_an_end_in_the_future_or_none(client_as, wired, asha, person, now):
    client, address = client_as("coordinator"), f"/patients/{person.public_id}/pause"
    assert client.post(address, data={"pause_until": "2026-02-01"}).status_code == 422
    assert client.post(address, data={"pause_until": "tomorrow"}).status_code == 422
    client.post(address, data={"pause_until": "2026-03-09"})
    assert fresh(wired.store, person).paused_until > now + timedelta(days=7)
    assert "Questions are paused until" in page(client.get(f"/patients/{person.public_id}/schedule"))
    client.post(f"/patients/{person.public_id}/resume")
    assert fresh(wired.store, person).paused_until is None
    client.post(address, data={"pause_until": ""})
    assert fresh(wired.store, person).paused_until.year > 2150


def test_a_withdrawn_consent_holds_all_texts_and_a_new_one_frees_them(client_as, wired, asha, person):
    client, address = client_as("coordinator"), f"/patients/{person.public_id}/consent"
    client.post(address, data={"purpose": "texting", "withdraw": "1"})
    with wired.store.reading() as session:
        assert consenting.texting(session, session.get(Patient, person.id)) is None
        assert not [m for m in desk_rows.messages_of(session, person.id) if m.state is MessageState.PENDING]
    assert client.post(address, data={"purpose": "texting", "method": ""}).status_code == 422
    client.post(address, data={"purpose": "texting", "method": "paper"})
    with wired.store.reading() as session:
        assert [m for m in desk_rows.messages_of(session, person.id) if m.state is MessageState.PENDING]
    assert client.post(address, data={"purpose": "everything", "method": "paper"}).status_code == 400


def test_language_and_zone_are_checked(client_as, wired, asha, person):
    client, address = client_as("coordinator"), f"/patients/{person.public_id}/language"
    assert client.post(address, data={"language": "xx", "time_zone": "Asia/Kolkata"}).status_code == 422
    assert client.post(address, data={"language": "bn", "time_zone": "Asia/Nowhere"}).status_code == 422
    client.post(address, data={"language": "bn", "time_zone": "Asia/Dhaka"})
    row = fresh(wired.store, person)
    assert (row.language, row.time_zone) == ("bn", "Asia/Dhaka")


def test_an_event_ends_the_plan_and_shows_with_its_note(client_as, wired, site, now):
    episode = done(wired.store, people.asha, site, now)
    wired.clock.move_to(now + timedelta(days=20))
    client = client_as("coordinator")
    client.post(
        f"/procedures/{episode.public_id}/event",
        data={"event": "surgery", "event_on": "2026-03-20", "event_note": "knee replacement"},
    )
    with wired.store.reading() as session:
        (row,) = episodes.events(session, [episode.id])
        assert row.kind is EventKind.SURGERY
        public_id = episodes.patient_of(session, episode).public_id
    assert states(wired, episode)["d30"] is PromptState.CANCELLED
    assert "knee replacement" in page(client.get(f"/patients/{public_id}/schedule"))


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"event": "", "event_on": "2026-03-10"}, "Choose what happened."),
        ({"event": "surgery", "event_on": ""}, "Enter a date."),
        ({"event": "surgery", "event_on": "2027-01-01"}, "lies in the future"),
        ({"event": "surgery", "event_on": "2026-02-01"}, "lies before the procedure"),
    ],
)
def test_an_event_needs_a_kind_and_a_day_that_can_be(client_as, wired, site, now, sent, says):
    episode = done(wired.store, people.asha, site, now)
    wired.clock.move_to(now + timedelta(days=20))
    answer = client_as("coordinator").post(f"/procedures/{episode.public_id}/event", data=sent)
    assert answer.status_code == 422
    assert says in page(answer)
    with wired.store.reading() as session:
        assert episodes.events(session, [episode.id]) == []


def test_a_death_is_of_the_person_and_reaches_every_procedure(client_as, wired, site, now):
    first = done(wired.store, people.asha, site, now)
    second = done(wired.store, people.asha, site, now, side="right")
    client_as("coordinator").post(
        f"/procedures/{first.public_id}/event", data={"event": "death", "event_on": "2026-03-02"}
    )
    with wired.store.reading() as session:
        assert {row.episode_id for row in episodes.events(session, [first.id, second.id])} == {first.id, second.id}
        assert session.get(Patient, first.patient_id).died_on is not None


def test_a_treatment_ends_after_it_starts(client_as, wired, asha, person):
    client, address = client_as("coordinator"), f"/procedures/{asha.public_id}/treatment"
    sent = {"treatment": "antidepressant", "started_on": "2026-02-01", "treatment_note": "duloxetine 30 mg"}
    assert client.post(address, data={**sent, "stopped_on": "2026-01-01"}).status_code == 422
    assert client.post(address, data=sent).status_code == 303
    shown = page(client.get(f"/patients/{person.public_id}/schedule"))
    assert "Antidepressant: 1 Feb 2026 – goes on (duloxetine 30 mg)" in shown


def test_another_sites_patient_and_procedure_are_not_there_and_the_try_is_noted(client_as, wired, site, now):
    _far, episode = another(wired.store, now)
    with wired.store.reading() as session:
        public_id = episodes.patient_of(session, episode).public_id
    client = client_as("coordinator")
    for path in ("schedule", "messages", "history"):
        assert client.get(f"/patients/{public_id}/{path}").status_code == 404
    for path in ("done", "move", "cancel", "reopen", "event", "treatment"):
        sent = {"event": "surgery", "event_on": "2026-03-01", "treatment": "cbt", "started_on": "2026-03-01"}
        assert client.post(f"/procedures/{episode.public_id}/{path}", data=sent).status_code == 404, path
    for path in ("number", "language", "pause", "resume", "consent", "messages"):
        sent = {"purpose": "texting", "text": "hello", "time_zone": "Asia/Kolkata", "language": "en"}
        assert client.post(f"/patients/{public_id}/{path}", data=sent).status_code == 404, path
    assert len(actions(wired.store, "refused_other_site")) == 15
    assert fresh(wired.store, episode).state is EpisodeState.PLANNED
    assert client.get("/patients/nobody/schedule").status_code == 404


def test_the_history_names_who_changed_what_and_only_then_who_looked(client_as, wired, asha, person):
    client = client_as("coordinator")
    client.post(f"/patients/{person.public_id}/number", data={"phone": "90070 00555"})
    client.post(f"/procedures/{asha.public_id}/cancel", data={"reason": "fever"})
    client.get(f"/patients/{person.public_id}/schedule")
    shown = page(client.get(f"/patients/{person.public_id}/history"))
    assert "Number changed" in shown
    assert "+91 90070 00101" in shown
    assert "+91 90070 00555" in shown
    assert "Procedure cancelled" in shown
    assert "fever" in shown
    assert ">Read<" not in re.sub(r"\s+", "", shown)
    assert "Read" in page(client.get(f"/patients/{person.public_id}/history?reads=1"))
    assert client.get(f"/patients/{person.public_id}/history?before=x").status_code == 404


def test_no_name_or_number_stands_in_an_address(client_as, asha, person):
    client = client_as("coordinator")
    for path in ("schedule", "messages", "history"):
        shown = page(client.get(f"/patients/{person.public_id}/{path}"))
        for address in re.findall(r'(?:href|action|formaction)="([^"]*)"', shown):
            if not address.startswith("tel:"):
                assert not re.search(r"asha|das\b|9007000101|R-101", address, re.IGNORECASE), address


def test_a_question_that_was_never_sent_keeps_its_reason(client_as, wired, site, now):
    episode = done(wired.store, people.asha, site, now)
    with wired.store.writing() as session:
        prompt = next(row for row in plans.prompts(session, episode.id) if row.time_point == "d3")
        prompt.state, prompt.reason = PromptState.NOT_SENT, "system_off"
        session.add(prompt)
        assert messages.of_prompt(session, prompt.id)
        public_id = episodes.patient_of(session, episode).public_id
    shown = page(client_as("coordinator").get(f"/patients/{public_id}/schedule"))
    assert "not sent by us" in shown
    assert "our system was off" in shown


def test_each_field_and_each_question_has_a_history_of_its_own(client_as, wired, site, now):
    episode = done(wired.store, people.asha, site, now)
    prompt = asked(wired.store, episode)
    at = prompt.due_at + timedelta(hours=1)
    texted(wired.store, people.ASHA_PHONE, "4", at)
    wired.clock.move_to(at + timedelta(hours=1))
    client = client_as("coordinator")
    with wired.store.reading() as session:
        public_id = episodes.patient_of(session, episode).public_id
    client.post(f"/patients/{public_id}/number", data={"phone": "90070 00199"})
    shown = page(client.get(f"/patients/{public_id}/schedule"))
    assert f"/patients/{public_id}/history?field=phone" in shown
    assert f"/patients/{public_id}/history?question={prompt.public_id}" in shown
    number = page(client.get(f"/patients/{public_id}/history?field=phone"))
    assert "+91 90070 00199" in number
    assert "Procedure done" not in number
    question = page(client.get(f"/patients/{public_id}/history?question={prompt.public_id}"))
    assert "The question of day 14." in question
    assert "pain" in question
    assert "90070 00199" not in question
    assert client.get(f"/patients/{public_id}/history?field=shoe").status_code == 404
    assert client.get(f"/patients/{public_id}/history?question=nobody").status_code == 404
