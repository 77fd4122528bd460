"""A prompt goes out, a reply comes in: the main job from plan to counted score, by text."""

from datetime import timedelta

from sqlmodel import select

from prom.storage import answers, channels, plans, rehearsal, tasks
from prom.storage.models import Answer, AnswerState, Inbound, Message, Patient, PromptState, Relief, TaskKind

QUESTION = (
    "Asha Clinic: Average pain in your left knee over the last 24 hours? "
    "Reply one number, 0 (no pain) to 10 (worst imaginable). Reply STOP to end."
)


def scores(story):
    with story.reading() as session:
        return [
            (row.occasion, row.value)
            for row in session.exec(select(Answer).where(Answer.instrument == "nrs").order_by(Answer.id))
            if row.state is AnswerState.CURRENT
        ]


def asked_on_day_7(story, number=0):
    episode, phone = story.enrol(number, procedure_in_days=1)
    story.wait(days=1)
    story.done(episode)
    story.wait(days=3, hours=12)
    story.wait(days=4)
    return episode, phone


def test_the_plan_asks_before_and_after_the_procedure_and_not_before_it_is_done(story):
    episode, phone = story.enrol()
    story.wait(days=1, hours=2)
    assert story.texts(phone) == [QUESTION], "7 days before"
    story.says(phone, "8")
    story.wait(days=6, hours=2)
    assert story.texts(phone)[-1] == QUESTION, "1 day before"
    count = len(story.says(phone, "8"))
    story.wait(days=12)
    assert len(story.texts(phone)) == count, "nobody said that the procedure took place"
    story.done(episode)
    story.wait(days=4)
    assert len(story.texts(phone)) > count


def test_a_prompt_is_asked_at_its_day_and_the_answer_counts(story):
    episode, phone = asked_on_day_7(story)
    before = scores(story)
    assert story.says(phone, "3")[-1] == "Thank you. We recorded pain 3. Wrong? Reply CHANGE and the number."
    assert scores(story) == [*before, ("d7", 3)]
    with story.reading() as session:
        seven = next(row for row in plans.prompts(session, episode) if row.time_point == "d7")
        assert seven.state is PromptState.ANSWERED


def test_a_correction_replaces_the_score_and_the_history_stays(story):
    _, phone = asked_on_day_7(story)
    story.says(phone, "7")
    assert story.says(phone, "CHANGE 4")[-1] == "Changed. We now have pain 4. Thank you."
    assert ("d7", 4) in scores(story)
    with story.reading() as session:
        kept = session.exec(select(Answer).where(Answer.occasion == "d7").order_by(Answer.id)).all()
        assert [(row.value, row.state) for row in kept] == [(7, AnswerState.CORRECTED), (4, AnswerState.CURRENT)]
        assert kept[1].replaces_id == kept[0].id


def test_two_quick_replies_are_read_in_order(story):
    _, phone = asked_on_day_7(story)
    story.says(phone, "7")
    story.says(phone, "no 5")
    assert ("d7", 5) in scores(story)


def test_an_unclear_reply_is_asked_again_twice_then_offered_the_page_then_read_by_a_person(story):
    _, phone = asked_on_day_7(story)
    texts = [story.says(phone, text)[-1] for text in ("5 or 6", "hmm", "not sure")]
    assert texts[0].startswith("Sorry, we could not read that.")
    assert texts[1].startswith("Please send one of these")
    assert texts[2].startswith("You can also answer on this page: http")
    with story.reading() as session:
        open_ = tasks.open_tasks(session, [story.site.id], kind=TaskKind.READ)
        assert [(task.reason, task.candidate) for task in open_] == [("unreadable", "")]
    assert not [value for occasion, value in scores(story) if occasion == "d7"]


def test_the_same_text_delivered_twice_has_one_effect(story):
    _, phone = asked_on_day_7(story)
    story.world.gateway.fail(type(story.world.gateway.failures())(duplicate_callbacks=True))
    story.says(phone, "6")
    with story.reading() as session:
        assert len(session.exec(select(Inbound)).all()) == 1
    assert [value for occasion, value in scores(story) if occasion == "d7"] == [6]


def test_nothing_goes_out_after_stop_and_what_waits_says_why(story):
    _, phone = asked_on_day_7(story)
    before = story.says(phone, "please stop texting me")
    assert before[-1].startswith("Asha Clinic: you will get no more texts from us.")
    story.wait(days=30)
    assert story.texts(phone) == before
    with story.reading() as session:
        waiting = session.exec(select(Message).where(Message.state == "suppressed")).all()
        assert {row.reason for row in waiting} >= {"opted_out"}
        kinds = [task.kind for task in tasks.open_tasks(session, [story.site.id])]
        assert TaskKind.STOPPED in kinds


def test_an_emergency_is_surfaced_at_once_answered_at_any_hour_and_never_a_score(story):
    _, phone = asked_on_day_7(story)
    story.wait(hours=13)  # past midnight in Kolkata
    texts = story.says(phone, "8 and my legs are numb")
    assert "call 112 now" in texts[-1]
    count = len(texts)
    assert len(story.says(phone, "I cannot feel my legs")) == count, "once in 30 minutes"
    with story.reading() as session:
        first = tasks.open_tasks(session, [story.site.id])[0]
        assert (first.kind, first.urgent, first.reason) == (TaskKind.CALL, True, "red_flag_neurological")
        assert first.candidate == "8"
        advice = session.exec(select(Message).where(Message.kind == "emergency")).one()
        assert advice.expires_at - advice.due_at == timedelta(hours=1), "hours later it would only startle"
    assert not [value for occasion, value in scores(story) if occasion == "d7"]


def test_stop_with_an_emergency_records_both(story):
    _, phone = asked_on_day_7(story)
    story.says(phone, "STOP I cannot feel my legs")
    with story.reading() as session:
        kinds = [task.kind for task in tasks.open_tasks(session, [story.site.id])]
        assert TaskKind.CALL in kinds
        assert TaskKind.STOPPED in kinds
        patient = session.exec(select(Patient)).one()
        assert channels.is_suppressed(session, patient.phone_index)


def test_a_late_reply_is_kept_for_people_and_never_given_to_the_next_prompt(story):
    _, phone = asked_on_day_7(story)
    story.wait(days=4)  # the 72 hours and the window of day 7 are over
    story.says(phone, "6")
    assert not [value for occasion, value in scores(story) if occasion in {"d7", "d14"}]
    with story.reading() as session:
        reasons = [task.reason for task in tasks.open_tasks(session, [story.site.id], kind=TaskKind.READ)]
        assert reasons == ["late_reply"]


def test_an_unknown_number_is_stored_unmatched(story):
    story.says("+919007999999", "7")
    with story.reading() as session:
        row = session.exec(select(Inbound)).one()
        assert row.state == "unmatched"
        assert [task.reason for task in tasks.open_tasks(session, [story.site.id])] == ["unmatched_sender"]


def test_a_shared_phone_is_bound_by_the_prompt_that_was_asked_last(story):
    first, phone = story.enrol(1, procedure_in_days=1)
    second, _ = story.enrol(2, procedure_in_days=3, phone=phone)
    story.wait(days=1)
    story.done(first)
    story.wait(days=2)
    story.done(second)
    story.wait(days=3, hours=14)  # day 3 of the second procedure
    story.says(phone, "2")
    with story.reading() as session:
        assert [(row.occasion, row.value) for row in answers.current(session, second) if row.occasion == "d3"] == [
            ("d3", 2)
        ]
        assert not [row for row in answers.current(session, first) if row.occasion != "baseline"]


def test_a_picture_is_for_people_even_with_a_number(story):
    _, phone = asked_on_day_7(story)
    story.says(phone, "7", num_media=1)
    with story.reading() as session:
        task = tasks.open_tasks(session, [story.site.id], kind=TaskKind.READ)[0]
        assert task.candidate == "7"
    assert not [value for occasion, value in scores(story) if occasion == "d7"]


def test_a_visit_with_several_questions_asks_one_at_a_time(story):
    episode, phone = story.enrol(procedure_in_days=1)
    story.wait(days=1)
    story.done(episode)
    story.wait(days=30, hours=6)
    count = len(story.texts(phone))
    texts = story.says(phone, "2")
    assert len(texts) == count + 1
    assert "1 very much better" in texts[-1]
    texts = story.says(phone, "2")
    assert "By how many percent" in texts[-1]
    texts = story.says(phone, "70")
    assert texts[-1].startswith("Thank you. We recorded pain 2, change 2, relief 70%")
    with story.reading() as session:
        given = {(row.instrument, row.value) for row in answers.current(session, episode) if row.occasion == "d30"}
        assert given == {("nrs", 2), ("pgic", 2), ("relief_percent", 70)}


def test_relief_is_judged_with_every_answer(story):
    episode, phone = story.enrol(procedure_in_days=1)
    story.wait(days=1)
    story.done(episode)
    story.wait(hours=2)
    for days, reply in ((14, "3"), (16, "3"), (30, "6"), (3, "6")):
        story.wait(days=days)
        story.says(phone, reply)
    with story.reading() as session:
        assert rehearsal.counts(session)["scores"]["sms"] == 4
        states = {
            row.threshold: (row.state, row.loss_left, row.loss_right)
            for row in session.exec(select(Relief).where(Relief.episode_id == episode))
        }
        assert states == {50: ("early_loss", 30, 60), 30: ("early_loss", 30, 60)}


def test_a_silent_patient_is_reminded_twice_then_called_and_counted_as_missed(story):
    episode, phone = story.enrol(procedure_in_days=1)
    story.wait(days=1)
    story.done(episode)
    story.wait(days=30, hours=6)
    texts = story.texts(phone)
    story.wait(days=7)
    more = story.texts(phone)[len(texts) :]
    assert [text.partition(".")[0] for text in more] == ["Asha Clinic: a reminder", "Asha Clinic: last reminder"]
    story.wait(days=2)
    with story.reading() as session:
        thirty = next(row for row in plans.prompts(session, episode) if row.time_point == "d30")
        assert thirty.state is PromptState.MISSED
        assert TaskKind.CHASE in [task.kind for task in tasks.open_tasks(session, [story.site.id])]


def test_three_days_off_sends_at_most_one_text_a_phone(story, now):
    episode, phone = story.enrol(procedure_in_days=1)
    story.wait(days=1)
    story.done(episode)
    before = len(story.texts(phone))
    # The clock process sleeps from day 2 to day 8: the prompt of day 3 is over, that of day 7 is open.
    story.world.clock.move_to(story.now + timedelta(days=7, hours=2))
    story.wait(minutes=5)
    assert len(story.texts(phone)) == before + 1
    with story.reading() as session:
        three = next(row for row in plans.prompts(session, episode) if row.time_point == "d3")
        assert three.state is PromptState.NOT_SENT, "ours, not the patient's silence"
