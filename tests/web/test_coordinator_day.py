"""The first page over a day: the theatre list, one person a call, and what may be taken back within a minute."""

import threading
from datetime import timedelta

import pytest

from prom.services import queueing
from prom.storage import channels, episodes, patients, tasks
from prom.storage.models import EpisodeState, InboundState, TaskKind
from tests import people
from tests.web.desk import actions, asked, done, fresh, open_tasks, page, texted


@pytest.fixture
def theatre(app, wired, site, now):
    """Return three procedures of today and one of yesterday, all planned; the clock stands at 15:00 in Kolkata."""
    at = now + timedelta(days=2)
    with wired.store.writing() as session:
        rows = [
            people.asha(session, site, now, procedure_at=at),
            people.bikash(session, site, now, procedure_at=at + timedelta(hours=1)),
            people.chitra(session, site, now, procedure_at=at + timedelta(hours=2)),
            people.devi(session, site, now, procedure_at=at - timedelta(days=1)),
        ]
    wired.clock.move_to(at + timedelta(hours=3, minutes=30))
    return rows


@pytest.fixture
def call(wired, site, now):
    """Return the task of Asha, who asks to be called."""
    episode = done(wired.store, people.asha, site, now)
    asked(wired.store, episode)
    texted(wired.store, people.ASHA_PHONE, "please call me", now + timedelta(days=14))
    wired.clock.move_to(now + timedelta(days=14, hours=1))
    (task,) = open_tasks(wired.store, site)
    return task


def test_the_theatre_list_heads_the_page_with_ticks_and_what_is_overdue(client_as, theatre):
    shown = page(client_as("coordinator").get("/todo"))
    assert "Procedures today (4)" in shown
    assert shown.count('name="episode"') == 4
    assert "Overdue" in shown
    assert "With those ticked:" in shown


def test_several_procedures_are_marked_done_at_once(client_as, wired, theatre):
    client = client_as("coordinator")
    chosen = [row.public_id for row in theatre[:3]]
    told = page(client.post("/procedures/many", data={"action": "done", "episode": chosen}, follow_redirects=True))
    assert "3 procedures are marked done." in told
    states = [fresh(wired.store, row).state for row in theatre]
    assert states == [EpisodeState.DONE] * 3 + [EpisodeState.PLANNED]
    assert len(actions(wired.store, "procedure done")) == 3


def test_one_that_somebody_marked_meanwhile_is_told_and_stands_in_nobodys_way(client_as, wired, theatre):
    client = client_as("coordinator")
    client.post(f"/procedures/{theatre[0].public_id}/done", data={"back": "todo"})
    chosen = [row.public_id for row in theatre[:2]]
    told = page(client.post("/procedures/many", data={"action": "done", "episode": chosen}, follow_redirects=True))
    assert "1 procedure is marked done." in told
    assert "Asha Das: this procedure is already done" in told


def test_another_day_is_shown_before_it_happens_and_keeps_the_time_of_day(client_as, wired, theatre, now):
    client, chosen = client_as("coordinator"), [row.public_id for row in theatre[:2]]
    sent = {"action": "move", "episode": chosen, "move_on": "2026-03-09"}
    shown = page(client.post("/procedures/many", data=sent))
    assert "nothing has changed yet" in shown
    assert "Mon 9 Mar 2026, 11:30" in shown
    assert fresh(wired.store, theatre[0]).procedure_at == theatre[0].procedure_at
    client.post("/procedures/many", data=sent | {"confirm": "1"})
    assert fresh(wired.store, theatre[0]).procedure_at == now + timedelta(days=7)
    assert fresh(wired.store, theatre[1]).procedure_at == now + timedelta(days=7, hours=1)


def test_a_day_that_is_past_moves_nothing_and_says_why(client_as, wired, theatre):
    sent = {"action": "move", "episode": [theatre[0].public_id], "move_on": "2026-03-01"}
    shown = page(client_as("coordinator").post("/procedures/many", data=sent))
    assert "This date is past" in shown
    assert "Move the procedures" not in shown


def test_several_procedures_are_cancelled_after_a_look(client_as, wired, theatre):
    client, chosen = client_as("coordinator"), [row.public_id for row in theatre]
    sent = {"action": "cancel", "episode": chosen}
    assert "Their plans end" in page(client.post("/procedures/many", data=sent))
    assert fresh(wired.store, theatre[0]).state is EpisodeState.PLANNED
    client.post("/procedures/many", data=sent | {"confirm": "1", "reason": "strike"})
    assert {fresh(wired.store, row).state for row in theatre} == {EpisodeState.CANCELLED}


def test_nothing_ticked_changes_nothing(client_as, theatre):
    told = client_as("coordinator").post("/procedures/many", data={"action": "done"}, follow_redirects=True)
    assert "Tick the procedures first." in page(told)


def test_a_procedure_of_another_site_in_the_list_changes_nothing(client_as, wired, theatre, now):
    from tests.web.desk import another

    _far, foreign = another(wired.store, now)
    chosen = [theatre[0].public_id, foreign.public_id]
    answer = client_as("coordinator").post("/procedures/many", data={"action": "done", "episode": chosen})
    assert answer.status_code == 404
    assert fresh(wired.store, theatre[0]).state is EpisodeState.PLANNED
    assert len(actions(wired.store, "refused_other_site")) == 1


def test_two_coordinators_who_tap_call_at_once_never_both_get_the_number(client_as, site, call):
    clients = [client_as("coordinator"), client_as("coordinator", site.id)]
    barrier, shown = threading.Barrier(2), [None, None]

    def tap(number):
        barrier.wait()
        answer = clients[number].post(f"/tasks/{call.public_id}/claim", follow_redirects=True)
        shown[number] = page(answer)

    threads = [threading.Thread(target=tap, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("tel:+919007000101" in each for each in shown) == [False, True]
    assert sum("is on it since 12:30" in each for each in shown) == 1


def test_the_outcome_of_a_call_that_another_makes_is_refused_until_it_is_taken_over(client_as, wired, site, call):
    first, second = client_as("coordinator"), client_as("coordinator", site.id)
    first.post(f"/tasks/{call.public_id}/claim")
    answer = second.post(f"/tasks/{call.public_id}/call", data={"outcome": "reached"})
    assert answer.status_code == 422
    assert "Coordinator is on it since 12:30. Take it over first." in page(answer)
    second.post(f"/tasks/{call.public_id}/close")
    assert fresh(wired.store, call).done_at is None
    second.post(f"/tasks/{call.public_id}/claim", data={"over": "1"})
    assert second.post(f"/tasks/{call.public_id}/call", data={"outcome": "reached"}).status_code == 303
    assert fresh(wired.store, call).done_at is not None


def test_the_number_can_be_called_with_one_tap_only_by_who_took_the_call(client_as, call):
    client = client_as("coordinator")
    assert "tel:" not in page(client.get("/todo"))
    assert "tel:" not in page(client.get(f"/tasks/{call.public_id}"))
    assert "tel:+919007000101" in page(client.post(f"/tasks/{call.public_id}/claim", follow_redirects=True))


def test_a_wrong_number_asks_for_another_and_can_be_taken_back(client_as, wired, site, call):
    client = client_as("coordinator")
    client.post(f"/tasks/{call.public_id}/call", data={"outcome": "wrong_number"})
    (fix,) = open_tasks(wired.store, site)
    assert (fix.kind, fix.reason) == (TaskKind.FIX, "number_unusable")
    client.post(f"/tasks/{call.public_id}/undo")
    assert [task.id for task in open_tasks(wired.store, site)] == [call.id]
    with wired.store.reading() as session:
        assert patients.by_phone(session, people.ASHA_PHONE)[0].unusable_reason == ""


def test_a_change_of_number_is_taken_back_with_its_task(client_as, wired, site, call, now):
    with wired.store.writing() as session:
        patient = patients.by_phone(session, people.ASHA_PHONE)[0]
        patient.unusable_reason = "30005"
        task = tasks.open_task(
            session,
            site_id=site.id,
            kind=TaskKind.FIX,
            reason="number_unusable",
            dedupe_key="x",
            patient_id=patient.id,
            now=now,
        )
    client = client_as("coordinator")
    client.post(f"/tasks/{task.public_id}/number", data={"phone": "90070 00199"})
    assert "The number of" not in page(client.get("/todo"))
    client.post(f"/tasks/{task.public_id}/undo")
    with wired.store.reading() as session:
        after = session.get(type(patient), patient.id)
        assert patients.phone(session, after) == people.ASHA_PHONE
        assert after.unusable_reason == "30005"
    assert len(actions(wired.store, "number taken back")) == 1


def test_a_change_of_number_on_the_schedule_is_taken_back_from_the_queue(client_as, wired, site, call):
    client = client_as("coordinator")
    with wired.store.reading() as session:
        patient = patients.by_phone(session, people.ASHA_PHONE)[0]
    client.post(f"/patients/{patient.public_id}/number", data={"phone": "90070 00199"})
    shown = page(client.get("/todo"))
    assert "The number of Asha Das was changed" in shown
    (entry,) = actions(wired.store, "number changed")
    assert "It is taken back." in page(client.post(f"/acts/{entry.id}/undo", follow_redirects=True))
    with wired.store.reading() as session:
        assert patients.by_phone(session, people.ASHA_PHONE) != []
    assert "more than a minute ago" in page(client.post(f"/acts/{entry.id}/undo", follow_redirects=True))


def test_nobody_takes_back_what_another_did_or_what_is_over_a_minute_ago(client_as, wired, site, call):
    client = client_as("coordinator")
    with wired.store.reading() as session:
        patient = patients.by_phone(session, people.ASHA_PHONE)[0]
    client.post(f"/patients/{patient.public_id}/number", data={"phone": "90070 00199"})
    (entry,) = actions(wired.store, "number changed")
    client_as("coordinator", site.id).post(f"/acts/{entry.id}/undo")
    wired.clock.move_to(wired.clock.now() + timedelta(seconds=61))
    client.post(f"/acts/{entry.id}/undo")
    with wired.store.reading() as session:
        assert patients.by_phone(session, people.ASHA_PHONE) == []


def test_whose_text_it_was_is_taken_back_within_a_minute(client_as, wired, site, now):
    episode = done(wired.store, people.asha, site, now)
    texted(wired.store, "+919007000555", "5", now)
    (task,) = open_tasks(wired.store, site)
    with wired.store.reading() as session:
        patient = episodes.patient_of(session, episode)
    client = client_as("coordinator")
    client.post(f"/tasks/{task.public_id}/assign", data={"patient": patient.public_id})
    assert "A text was given to Asha Das" in page(client.get("/todo"))
    (entry,) = actions(wired.store, "text assigned")
    client.post(f"/acts/{entry.id}/undo")
    assert fresh(wired.store, task).patient_id is None
    with wired.store.reading() as session:
        from prom.storage.models import Inbound

        row = session.get(Inbound, task.inbound_id)
    assert (row.patient_id, row.state) == (None, InboundState.UNMATCHED)
    assert "A text was given" not in page(client.get("/todo"))


def test_a_possible_emergency_is_passed_to_a_physician_once(client_as, wired, site, now):
    done(wired.store, people.asha, site, now)
    texted(wired.store, people.ASHA_PHONE, "chest pain", now + timedelta(minutes=5))
    (task,) = open_tasks(wired.store, site)
    client = client_as("coordinator")
    assert "Tell a physician now" in page(client.get(f"/tasks/{task.public_id}"))
    told = page(client.post(f"/tasks/{task.public_id}/escalate", follow_redirects=True))
    assert "It is passed to a physician." in told
    client.post(f"/tasks/{task.public_id}/escalate")
    assert fresh(wired.store, task).escalated_at is not None
    assert len(actions(wired.store, "task escalated")) == 1
    assert "Physician told at" in page(client.get("/todo"))


def test_a_halted_channel_is_told_with_what_waits(client_as, wired, now):
    with wired.store.writing() as session:
        channels.halt(session, "20003", now)
    shown = page(client_as("coordinator").get("/todo"))
    assert "All texts are stopped since" in shown
    assert "error 20003" in shown


def test_a_patient_who_is_asked_by_phone_is_a_call_with_its_questions(client_as, wired, site, now):
    episode = done(wired.store, people.asha, site, now)
    with wired.store.writing() as session:
        from prom.storage import plans

        prompt = next(row for row in plans.prompts(session, episode.id) if row.time_point == "d14")
        task = tasks.open_task(
            session,
            site_id=site.id,
            kind=TaskKind.CALL,
            reason="asked_by_phone",
            dedupe_key="asked",
            patient_id=episode.patient_id,
            prompt_id=prompt.id,
            now=now,
        )
    wired.clock.move_to(prompt.due_at + timedelta(hours=1))
    client = client_as("coordinator")
    assert "Is asked by phone, as agreed: the questions of day 14, until 19 Mar." in page(client.get("/todo"))
    assert 'name="q_nrs"' in page(client.get(f"/tasks/{task.public_id}"))


def test_the_queue_counts_a_thousand_tasks_and_shows_forty(wired, site, now):
    with wired.store.writing() as session:
        for number in range(1000):
            tasks.open_task(
                session, site_id=site.id, kind=TaskKind.READ, reason="question", dedupe_key=str(number), now=now
            )
        staff = people.mina(session, site, now)
    with wired.store.reading() as session:
        seen = queueing.queue(session, [site], staff.id, now)
    assert (seen.total, len(seen.cards), seen.pages) == (1000, queueing.CARDS_A_PAGE, 25)
