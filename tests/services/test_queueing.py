"""The queue as a view: order, counts, names, days, proposals; and entering, attending, previewing behind it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain import instruments, procedures
from prom.services import answering, attending, entering, previewing, queueing
from prom.services.entering import EntryError
from prom.services.previewing import Coming
from prom.storage import answers, plans, tasks
from prom.storage.models import AnswerState, PromptState, Site, Source, TaskKind
from tests import people
from tests.people import actor
from tests.web.desk import asked, done, texted


def opened(session, site, now, kind, key, **more):
    return tasks.open_task(session, site_id=site.id, kind=kind, reason="text_failed", dedupe_key=key, now=now, **more)


def test_tasks_stand_in_order_of_action_with_urgent_ones_first(store, site, mina, now):
    with store.writing() as session:
        for kind in (TaskKind.STOPPED, TaskKind.CHASE, TaskKind.FIX, TaskKind.READ, TaskKind.CALL):
            opened(session, site, now, kind, kind.value)
        opened(session, site, now + timedelta(hours=1), TaskKind.FIX, "urgent", urgent=True)
    with store.reading() as session:
        seen = queueing.queue(session, [site], mina.id, now + timedelta(hours=2))
    assert [card.task.kind.value for card in seen.cards] == ["fix", "call", "read", "fix", "chase", "stopped"]
    assert (seen.total, seen.counts[TaskKind.FIX]) == (6, 2)


def test_a_long_queue_comes_in_pages_and_loses_none(store, site, mina, now):
    with store.writing() as session:
        for number in range(95):
            opened(session, site, now + timedelta(seconds=number), TaskKind.READ, f"t{number}")
    with store.reading() as session:
        pages = [queueing.queue(session, [site], mina.id, now + timedelta(hours=1), page=page) for page in (1, 2, 3)]
    assert [len(seen.cards) for seen in pages] == [40, 40, 15]
    assert len({card.task.id for seen in pages for card in seen.cards}) == 95
    assert pages[0].pages == 3


def test_tasks_of_another_site_and_those_put_off_are_left_out(store, site, mina, now):
    with store.writing() as session:
        far = Site(name="far", label="Far", time_zone="UTC", key_sealed=store.vault.new_data_key())
        session.add(far)
        session.flush()
        opened(session, far, now, TaskKind.CALL, "far")
        opened(session, site, now, TaskKind.CALL, "later", not_before=now + timedelta(hours=5))
    with store.reading() as session:
        seen = queueing.queue(session, [site], mina.id, now)
    assert (seen.cards, seen.total, seen.later) == ((), 0, 1)


def test_the_day_counts_by_the_sites_own_midnight(store, site, mina, now):
    episode = done(store, people.asha, site, now)
    prompt = asked(store, episode, "d3")
    midnight = queueing.today(site.time_zone, prompt.due_at)[0]
    for moment, expected in ((prompt.due_at, 1), (midnight - timedelta(seconds=1), 0), (midnight, 1)):
        with store.reading() as session:
            assert queueing.queue(session, [site], mina.id, moment).day.asked == expected
    assert midnight.isoformat().endswith("18:30:00+00:00")


def test_a_card_names_patient_procedure_and_day(store, site, mina, now):
    episode = done(store, people.asha, site, now)
    with store.writing() as session:
        opened(session, site, now, TaskKind.CALL, "c", patient_id=episode.patient_id)
    with store.reading() as session:
        (card,) = queueing.queue(session, [site], mina.id, now + timedelta(days=16)).cards
    assert (card.who.name, card.who.day, card.who.episode.id) == ("Asha Das", 16, episode.id)
    assert (card.proposals, card.quote, card.holder) == ((), None, "")


@pytest.mark.parametrize(
    ("question", "candidate", "text", "expected"),
    [
        ("nrs", "4", "abt 4 or 5 today doctor", (4, 5)),
        ("nrs", "", "abt 4 or 5", (4, 5)),
        ("nrs", "4.5", "4.5", (4, 5)),
        ("nrs", "", "it is ৪", (4,)),
        ("nrs", "11", "11", ()),
        ("nrs", "", "day 14 pain 8", (8,)),
        ("nrs", "", "on 12/03/2026 it was bad", ()),
        ("nrs", "", "7/10", ()),
        ("pgic", "0", "0", ()),
        ("relief_percent", "50", "about 50 or 60", (50, 60)),
        ("csi_1_5", "3", "3", ()),
        ("nrs", "rubbish", "", ()),
    ],
)
def test_proposals_are_whole_numbers_on_the_scale(question, candidate, text, expected):
    assert entering.proposals(question, candidate, text) == expected


@given(st.text(max_size=400), st.text(max_size=12))
@settings(max_examples=200)
def test_no_text_makes_an_impossible_proposal(text, candidate):
    for key, question in instruments.QUESTIONS.items():
        for value in entering.proposals(key, candidate, text):
            low, high = entering.LIMITS[question.scale]
            assert low <= value <= high


@given(st.text(max_size=12))
@settings(max_examples=200)
def test_no_typed_text_becomes_a_value_off_the_scale(typed):
    for key in ("nrs", "pgic", "relief_percent", "csi_item_1"):
        low, high = entering.LIMITS[instruments.question(key).scale]
        try:
            value = entering.value_of(key, typed)
        except EntryError:
            continue
        assert low <= value <= high


def test_a_sheet_takes_one_sign_for_each_item():
    assert entering.value_of("csi_1_5", "0, 1 2x4") == (0, 1, 2, None, 4)
    assert entering.value_of("csi_1_5", "০১২৩৪") == (0, 1, 2, 3, 4)
    for typed in ("", "0123", "012345", "01235", "0123?"):
        with pytest.raises(EntryError):
            entering.value_of("csi_1_5", typed)


def _late(store, site, now, words):
    episode = done(store, people.asha, site, now)
    prompt = asked(store, episode)
    at = prompt.due_at + timedelta(hours=1)
    texted(store, people.ASHA_PHONE, "4", at)
    texted(store, people.ASHA_PHONE, words, prompt.closes_at + timedelta(hours=1), 2)
    with store.reading() as session:
        found = tasks.open_tasks(session, [site.id])
    return prompt, found


def test_a_late_correction_replaces_the_answer_and_taking_it_back_restores_it(store, site, mina, now):
    prompt, (task,) = _late(store, site, now, "CHANGE 6")
    assert task.reason == "late_correction"
    moment = prompt.closes_at + timedelta(hours=2)
    with store.writing() as session:
        task = session.get(type(task), task.id)
        aim = entering.target(session, task)
        assert (aim.question, aim.correction) == ("nrs", True)
        entering.read_reply(session, task, aim, 6, actor(mina), moment)
        attending.close(session, task, "recorded", actor(mina), moment)
        assert _current(session, prompt) == [6]
        assert attending.undo(session, task, actor(mina), moment + timedelta(seconds=59)) == 1
        assert _current(session, prompt) == [4]
        assert session.get(type(prompt), prompt.id).state is PromptState.ANSWERED
    with store.reading() as session:
        assert answers.verify_macs(session) == []


def _current(session, prompt):
    return [row.value for row in answers.of_prompt(session, prompt.id) if row.state is AnswerState.CURRENT]


def test_an_answer_that_came_first_stays_in_force(store, site, mina, now):
    episode = done(store, people.asha, site, now)
    prompt = asked(store, episode)
    with store.writing() as session:
        row = session.get(type(prompt), prompt.id)
        origin = answering.Origin(Source.LINK, prompt.due_at, people.audit.PATIENT)
        answering.record(session, row, "nrs", 3, origin, prompt.due_at)
        assert entering.by_phone(session, row, {"nrs": 8}, actor(mina), prompt.due_at + timedelta(hours=1)) == 0
        assert _current(session, row) == [3]
        assert [one.state for one in answers.of_prompt(session, row.id)][1] is AnswerState.SECOND


def test_two_people_never_hold_one_task(store, site, mina, dr_rao, now):
    with store.writing() as session:
        task = opened(session, site, now, TaskKind.CALL, "c")
        assert attending.claim(session, task, actor(mina), now)
        assert not attending.claim(session, task, actor(dr_rao), now + timedelta(minutes=29))
        assert attending.holder(task, now + timedelta(minutes=29)) == mina.id
        assert attending.claim(session, task, actor(dr_rao), now + timedelta(minutes=31))
        assert attending.claim(session, task, actor(mina), now + timedelta(minutes=32), over=True)
        assert attending.close(session, task, "done", actor(mina), now + timedelta(minutes=33))
        assert not attending.close(session, task, "done", actor(dr_rao), now + timedelta(minutes=34))
        assert attending.undo(session, task, actor(dr_rao), now + timedelta(minutes=34)) is None


def test_an_urgent_call_comes_back_within_a_quarter_of_an_hour_at_night(store, site, mina, now):
    night = now + timedelta(hours=12)
    with store.writing() as session:
        urgent = opened(session, site, now, TaskKind.CALL, "u", urgent=True)
        calm = opened(session, site, now, TaskKind.CALL, "c")
        assert attending.put_off(session, urgent, None, "no_answer", actor(mina), night) == night + timedelta(
            minutes=15
        )
        back = attending.put_off(session, calm, None, "no_answer", actor(mina), night)
    assert back.isoformat() == "2026-03-03T02:30:00+00:00"


@pytest.mark.parametrize("procedure", sorted(procedures.PROCEDURES))
def test_a_plan_is_foreseen_as_it_is_then_made(store, site, now, procedure):
    with store.writing() as session:
        episode = people.asha(session, site, now, procedure=procedure)
        made = {row.time_point: (row.opens_at, row.closes_at) for row in plans.prompts(session, episode.id)}
    with store.reading() as session:
        coming = Coming(procedure, episode.procedure_at, "Asia/Kolkata", "knee", "left")
        seen = previewing.foresee(session, site, coming, "", now)
    second = timedelta(seconds=1)
    assert {line.key: (line.opens_at, line.last_at + second) for line in seen.lines} == made
    for cost in seen.costs:
        assert cost.texts == sum(line.texts for line in seen.lines if not line.over)
        assert Decimal(cost.segments) >= cost.texts


def test_a_channel_without_replies_costs_one_link_a_visit(store, site, now):
    with store.writing() as session:
        site = session.get(Site, site.id)
        site.two_way = False
        session.add(site)
    with store.reading() as session:
        coming = Coming("genicular_rfa", now + timedelta(days=10), "Asia/Kolkata")
        seen = previewing.foresee(session, site, coming, "https://followup.clinic.example", now)
    assert seen.by_link
    assert {line.texts for line in seen.lines} == {1}


def test_what_is_past_is_shown_and_not_paid_for(store, site, now):
    with store.reading() as session:
        coming = Coming("genicular_rfa", now - timedelta(days=100), "Asia/Kolkata")
        seen = previewing.foresee(session, site, coming, "", now)
    over = [line.key for line in seen.lines if line.over]
    assert "d-7" in over
    assert "d60" in over
    assert "d365" not in over
    assert seen.costs[0].texts == sum(line.texts for line in seen.lines if not line.over)
