"""The coordinator's queue: what is to do, one tap at a time, audited and undone within a minute."""

import re
from datetime import timedelta

import pytest

from prom.storage import answers, tasks
from prom.storage.models import AnswerState, PromptState, Source, TaskKind
from tests import people
from tests.web.desk import actions, another, asked, done, fresh, open_tasks, page, texted


@pytest.fixture
def asha_asked(wired, site, now):
    """Return Asha's open prompt of day 14 and her episode; the clock stands an hour after it was asked."""
    episode = done(wired.store, people.asha, site, now)
    prompt = asked(wired.store, episode)
    return episode, prompt


@pytest.fixture
def unreadable(app, wired, site, asha_asked):
    """Return the task about a text of Asha's that the machine cannot read, and her prompt."""
    _episode, prompt = asha_asked
    at = prompt.due_at + timedelta(hours=1)
    for number, words in enumerate(("4 or 5", "somewhere 4-5", "abt 4 or 5 today doctor")):
        texted(wired.store, people.ASHA_PHONE, words, at + timedelta(minutes=number), number)
    wired.clock.move_to(at + timedelta(hours=1))
    (task,) = open_tasks(wired.store, site)
    return task, prompt


def test_an_empty_queue_says_so(client_as):
    shown = page(client_as("coordinator").get("/todo"))
    assert "Nothing to do here." in shown
    assert "0 of 0 prompts asked today are answered." in shown


def test_an_unreadable_reply_is_quoted_with_one_tap_proposals(client_as, unreadable):
    shown = page(client_as("coordinator").get("/todo"))
    assert "abt 4 or 5 today doctor" in shown
    assert "Asha Das" in shown
    assert "Genicular" in shown
    assert "day 14" in shown
    assert re.findall(r'name="answer" value="[0-9a-f]+:nrs=(\d+)"', shown) == ["4", "5"]


def test_one_tap_records_the_score_at_the_time_of_the_text_and_the_task_leaves(client_as, wired, site, unreadable):
    task, prompt = unreadable
    client = client_as("coordinator")
    answer = client.post(f"/tasks/{task.public_id}/answer", data={"answer": f"{prompt.public_id}:nrs=4"})
    assert answer.status_code == 303
    with wired.store.reading() as session:
        (row,) = answers.of_prompt(session, prompt.id)
    assert (row.value, row.source, row.answered_at) == (4, Source.SMS, prompt.due_at + timedelta(hours=1, minutes=2))
    assert row.staff_id is not None
    assert fresh(wired.store, prompt).state is PromptState.ANSWERED
    assert open_tasks(wired.store, site) == []
    assert "Undo" in page(client.get("/todo"))


def test_undo_within_a_minute_strikes_the_score_and_opens_the_question_again(client_as, wired, unreadable):
    task, prompt = unreadable
    client = client_as("coordinator")
    client.post(f"/tasks/{task.public_id}/answer", data={"answer": f"{prompt.public_id}:nrs=4"})
    wired.clock.move_to(wired.clock.now() + timedelta(seconds=30))
    client.post(f"/tasks/{task.public_id}/undo")
    with wired.store.reading() as session:
        (row,) = answers.of_prompt(session, prompt.id)
        again = tasks.by_public_id(session, task.public_id, [task.site_id])
    assert row.state is AnswerState.STRUCK
    assert again.done_at is None
    assert fresh(wired.store, prompt).state is PromptState.ASKED
    assert "abt 4 or 5" in page(client.get("/todo"))


def test_undo_after_a_minute_changes_nothing(client_as, wired, unreadable):
    task, prompt = unreadable
    client = client_as("coordinator")
    client.post(f"/tasks/{task.public_id}/answer", data={"answer": f"{prompt.public_id}:nrs=4"})
    wired.clock.move_to(wired.clock.now() + timedelta(seconds=61))
    client.post(f"/tasks/{task.public_id}/undo")
    assert "more than a minute ago" in page(client.get("/todo"))
    assert fresh(wired.store, task).done_at is not None
    assert fresh(wired.store, prompt).state is PromptState.ANSWERED


def test_nobody_undoes_what_another_person_closed(client_as, wired, unreadable, site):
    task, _prompt = unreadable
    client_as("coordinator").post(f"/tasks/{task.public_id}/close")
    other = client_as("coordinator", site.id)
    other.post(f"/tasks/{task.public_id}/undo")
    assert fresh(wired.store, task).done_at is not None


def test_a_score_of_11_is_refused_with_what_it_takes(client_as, wired, unreadable):
    task, prompt = unreadable
    answer = client_as("coordinator").post(
        f"/tasks/{task.public_id}/answer", data={"answer": f"{prompt.public_id}:nrs=", "value": "11"}
    )
    assert answer.status_code == 422
    assert "Enter one whole number from 0 to 10." in page(answer)
    assert 'value="11"' in page(answer)
    with wired.store.reading() as session:
        assert answers.of_prompt(session, prompt.id) == []


@pytest.mark.parametrize("typed", ["", "-1", "4.5", "4,5", "four", "1e1", "4 or 5", "٣٣", "100000000000000000000"])
def test_only_a_whole_number_on_the_scale_is_recorded(client_as, wired, unreadable, typed):
    task, prompt = unreadable
    answer = client_as("coordinator").post(
        f"/tasks/{task.public_id}/answer", data={"answer": f"{prompt.public_id}:nrs=", "value": typed}
    )
    assert answer.status_code == 422
    with wired.store.reading() as session:
        assert answers.of_prompt(session, prompt.id) == []


def test_a_tap_on_an_old_page_never_answers_another_question(client_as, wired, unreadable):
    task, prompt = unreadable
    answer = client_as("coordinator").post(
        f"/tasks/{task.public_id}/answer", data={"answer": f"{prompt.public_id}:pgic=4"}, follow_redirects=True
    )
    assert "nothing was recorded" in page(answer)
    with wired.store.reading() as session:
        assert answers.of_prompt(session, prompt.id) == []


def test_a_task_of_another_site_is_not_there_and_the_try_is_noted(client_as, wired, site, now):
    far, _episode = another(wired.store, now)
    texted(wired.store, people.ASHA_PHONE, "please call me", now)
    (task,) = open_tasks(wired.store, far)
    client = client_as("coordinator")
    for method, path in (("get", ""), ("post", "/close"), ("post", "/claim"), ("post", "/answer")):
        sent = {"answer": "x:nrs=4"} if path == "/answer" else {}
        answer = getattr(client, method)(f"/tasks/{task.public_id}{path}", **({"data": sent} if sent else {}))
        assert answer.status_code == 404, path
    assert len(actions(wired.store, "refused_other_site")) == 4
    assert fresh(wired.store, task).done_at is None
    assert "Asha Das" not in page(client.get("/todo"))


def test_a_red_flag_stands_first_and_is_closed_only_with_the_outcome_of_a_call(client_as, wired, site, asha_asked):
    _episode, prompt = asha_asked
    at = prompt.due_at + timedelta(hours=1)
    texted(wired.store, people.ASHA_PHONE, "chest pain and cannot breathe", at)
    wired.clock.move_to(at)
    task = open_tasks(wired.store, site)[0]
    client = client_as("coordinator")
    shown = page(client.get("/todo"))
    assert "Possible emergency" in shown
    assert "Acknowledge" in shown
    client.post(f"/tasks/{task.public_id}/close")
    assert fresh(wired.store, task).done_at is None
    client.post(f"/tasks/{task.public_id}/claim", data={"stay": "1"})
    assert "You are on it" in page(client.get("/todo"))
    client.post(f"/tasks/{task.public_id}/call", data={"outcome": "reached", "note": "sent to hospital"})
    assert fresh(wired.store, task).outcome == "reached"


def test_others_see_who_is_on_it_and_take_over_only_when_they_say_so(client_as, wired, unreadable, site):
    task, _prompt = unreadable
    first, second = client_as("coordinator"), client_as("coordinator", site.id)
    first.post(f"/tasks/{task.public_id}/claim")
    assert "Coordinator is on it since" in page(second.get("/todo"))
    second.post(f"/tasks/{task.public_id}/claim")
    holder = fresh(wired.store, task).claimed_by_id
    second.post(f"/tasks/{task.public_id}/claim", data={"over": "1"})
    assert fresh(wired.store, task).claimed_by_id != holder


def test_a_claim_ends_after_half_an_hour(client_as, wired, unreadable, site):
    task, _prompt = unreadable
    first, second = client_as("coordinator"), client_as("coordinator", site.id)
    first.post(f"/tasks/{task.public_id}/claim")
    wired.clock.move_to(wired.clock.now() + timedelta(minutes=31))
    assert "is on it" not in page(second.get("/todo"))


def test_a_filter_shows_one_kind_and_its_chip_is_current(client_as, unreadable):
    client = client_as("coordinator")
    assert "abt 4 or 5" in page(client.get("/todo?kind=read"))
    chase = page(client.get("/todo?kind=chase"))
    assert "abt 4 or 5" not in chase
    assert "Nothing of this kind to do." in chase
    assert client.get("/todo?kind=everything").status_code == 404


def test_an_unknown_sender_is_assigned_and_then_read_as_theirs(client_as, wired, site, asha_asked):
    _episode, prompt = asha_asked
    at = prompt.due_at + timedelta(hours=2)
    texted(wired.store, "+919007000999", "6", at)
    wired.clock.move_to(at)
    (task,) = open_tasks(wired.store, site)
    client = client_as("coordinator")
    assert "belongs to no patient" in page(client.get("/todo"))
    found = page(client.post(f"/tasks/{task.public_id}/find", data={"text": "R-101"}))
    patient = re.search(r'name="patient" value="([0-9a-f]+)"', found).group(1)
    client.post(f"/tasks/{task.public_id}/assign", data={"patient": patient})
    shown = page(client.get("/todo"))
    assert re.findall(r'value="[0-9a-f]+:nrs=(\d+)"', shown) == ["6"]
    client.post(f"/tasks/{task.public_id}/answer", data={"answer": f"{prompt.public_id}:nrs=6"})
    with wired.store.reading() as session:
        (row,) = answers.of_prompt(session, prompt.id)
    assert row.value == 6


def test_no_name_or_phone_stands_in_an_address_of_the_queue(client_as, unreadable):
    shown = page(client_as("coordinator").get("/todo"))
    for address in re.findall(r'(?:href|action|formaction)="([^"]*)"', shown):
        if not address.startswith("tel:"):
            assert not re.search(r"asha|das|9007000101|R-101", address, re.IGNORECASE), address


def test_a_form_without_its_token_is_refused(app, client_as, wired, unreadable):
    task, _prompt = unreadable
    client = client_as("coordinator")
    app.config["WTF_CSRF_ENABLED"] = True
    assert client.post(f"/tasks/{task.public_id}/close").status_code == 400
    assert fresh(wired.store, task).done_at is None
    token = re.search(r'name="csrf_token" value="([^"]+)"', page(client.get("/todo"))).group(1)
    assert client.post(f"/tasks/{task.public_id}/close", data={"csrf_token": token}).status_code == 303
    assert fresh(wired.store, task).done_at is not None


@pytest.mark.parametrize("role", ["clinician", "admin", "auditor"])
def test_only_coordinators_open_the_queue(client_as, role):
    assert client_as(role).get("/todo").status_code == 403


def test_every_kind_of_task_shows_in_order_of_action(client_as, wired, site, now):
    with wired.store.writing() as session:
        for kind in reversed(list(TaskKind)):
            tasks.open_task(session, site_id=site.id, kind=kind, reason="text_failed", dedupe_key=kind, now=now)
    shown = page(client_as("coordinator").get("/todo"))
    badges = re.findall(r'class="badge \w+">(?:<span[^>]*>[^<]*</span>)?(\w+)</span>', shown)
    assert badges == ["Call", "Read", "Fix", "Chase", "Stopped"]
