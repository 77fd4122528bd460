"""Patients' pages: one question a page, first answers, changes, the thanks."""

import gzip
import re
from datetime import timedelta

import pytest

from prom.domain import instruments
from prom.messaging.gateway import Received
from prom.services import questionnaires, receiving
from prom.storage import audit, messages, tasks
from prom.storage.models import AnswerState, MessageState, PromptState, Source, TaskKind
from tests import people
from tests.web.patients import dump, follow, linked, text

CSI = "d90"


@pytest.fixture
def asha(app, wired, site, now):
    """Return Asha's open link of day 14: one pain question."""
    return linked(app, wired, site, now)


@pytest.fixture
def asha_csi(app, wired, site, now):
    """Return Asha's open link of day 90: pain, change, relief and the CSI; item 24 was never asked."""
    return linked(app, wired, site, now, CSI, csi_items=None)


def test_the_page_asks_the_pain_question_with_eleven_targets_and_no_script(asha):
    page = text(asha.page())
    assert "How much pain did you have in your left knee on average in the last 24 hours?" in page
    assert len(re.findall(r'type="radio"', page)) == 11
    assert "<script" not in page
    assert "Question 1 of 1" in page
    assert 'class="progress"' not in page


def test_the_page_names_neither_person_nor_phone_nor_procedure(asha):
    asha.choose("nrs", 3)
    for page in (text(asha.page()), text(asha.page("/done")), text(asha.page("/next.ics"))):
        for secret in ("Asha Das", "Das", people.ASHA_PHONE, "9007000101", "R-101", "genicular", "Genicular", "CSI"):
            assert secret not in page.replace("Asha Clinic", "")


def test_an_answer_is_stored_once_with_its_way_and_leads_to_the_thanks(asha):
    answer = asha.choose("nrs", 3)
    assert answer.status_code == 303
    assert "Thank you" in text(follow(asha, answer))
    [row] = asha.answers()
    assert (row.value, row.source, row.rule, row.series) == (3, Source.LINK, "page", "average_24h")
    assert asha.fresh().state is PromptState.ANSWERED


def test_reading_any_page_changes_nothing(asha):
    asha.choose("nrs", 3)
    before = dump(asha.wired.store)
    for path in ("", "?q=nrs", "/done", "/next.ics", "?lang=bn"):
        assert asha.page(path).status_code in {200, 303}
        asha.client.head(asha.address + path)
    asha.client.get(f"/stop/{asha.token}")
    asha.client.get("/who")
    asha.at(asha.prompt.closes_at + timedelta(days=1))
    assert asha.page().status_code == 410
    assert dump(asha.wired.store) == before


@pytest.mark.parametrize("wrong", ["", "11", "-1", "3.5", "seven", "1" * 400, "٣٣", "\x00", "3 4"])
def test_what_is_not_on_the_scale_is_asked_again_with_a_clear_error(asha, wrong):
    response = asha.client.post(asha.address, data={"q": "nrs", "answer": wrong, "seen": ""})
    assert response.status_code == 422
    page = text(response)
    assert "<title>Error: Question 1 of 1</title>" in page
    assert 'role="alert"' in page
    assert 'href="#answer"' in page
    assert 'aria-invalid="true"' in page
    assert asha.answers() == []


def test_a_form_without_fields_or_of_another_step_stores_nothing(asha):
    assert asha.client.post(asha.address).status_code == 303
    assert asha.client.post(asha.address, data={"q": "pgic", "answer": "1"}).status_code == 303
    assert asha.client.post(asha.address, data={"q": "nrs", "skip": "1"}).status_code == 422
    assert asha.answers() == []


@pytest.mark.parametrize("typed", ["60", "60%", " 60 ", "६०", "৬০ %"])
def test_percent_is_read_in_any_digits(app, wired, site, now, typed):
    one = linked(app, wired, site, now, "d30")
    assert one.choose("relief_percent", typed).status_code == 303
    assert one.values()["relief_percent", 0] == 60


def test_questions_come_one_a_page_and_go_on_where_they_were_left(app, wired, site, now):
    one = linked(app, wired, site, now, "d30")
    assert "Question 1 of 3" in text(one.page())
    one.choose("nrs", 3)
    assert one.fresh().state is PromptState.PARTLY
    page = text(one.page())
    assert "Question 2 of 3" in page
    assert "Very much better" in page
    assert f'href="/a/{one.token}?q=nrs"' in page
    one.choose("pgic", 2)
    one.choose("relief_percent", 60)
    page = text(one.page("/done"))
    assert "Change: Much better" in page
    assert "Pain less by 60 %" in page
    assert one.values() == {("nrs", 0): 3, ("pgic", 0): 2, ("relief_percent", 0): 60}


def test_the_thanks_wait_until_everything_is_answered(app, wired, site, now):
    one = linked(app, wired, site, now, "d30")
    assert one.page("/done").location == f"/a/{one.token}"


def test_a_change_is_a_correction_and_the_history_stays(asha):
    asha.choose("nrs", 3)
    page = text(asha.page("?q=nrs"))
    assert re.search(r'value="3"[^>]* checked', page)
    asha.choose("nrs", 5)
    assert [row.value for row in asha.answers()] == [5]
    [old] = asha.answers(AnswerState.CORRECTED)
    assert old.value == 3
    assert asha.answers()[0].replaces_id == old.id


def test_the_same_page_sent_twice_stores_one_answer(asha):
    for _ in range(2):
        asha.client.post(asha.address, data={"q": "nrs", "answer": "3", "seen": ""})
    assert [row.value for row in asha.answers()] == [3]
    assert asha.answers(AnswerState.SECOND) == []


def test_an_answer_by_text_meanwhile_counts_and_the_page_says_so(asha):
    opened = text(asha.page())
    assert 'name="seen" value=""' in opened
    _text_in(asha, "7")
    response = asha.client.post(asha.address, data={"q": "nrs", "answer": "4", "seen": ""})
    page = text(follow(asha, response))
    assert "We already have an answer to this: 7. It counts." in page
    assert [row.value for row in asha.answers()] == [7]
    assert [row.value for row in asha.answers(AnswerState.SECOND)] == [4]
    asha.choose("nrs", 4)
    assert [row.value for row in asha.answers()] == [4]
    assert [row.value for row in asha.answers(AnswerState.CORRECTED)] == [7]


def _text_in(one, body):
    """Let the question leave as a text, and a reply come in."""
    now = one.wired.clock.now()
    with one.wired.store.writing() as session:
        prompt = session.get_one(type(one.prompt), one.prompt.id)
        prompt.state, prompt.asked_at, prompt.last_text_at = PromptState.ASKED, prompt.due_at, prompt.due_at
        [message] = messages.of_prompt(session, prompt.id)
        message.state, message.sending_at = MessageState.ACCEPTED, prompt.due_at
        session.add_all([prompt, message])
        session.flush()
        receiving.receive(session, Received("SM1", people.ASHA_PHONE, "+1", body, 0, now), now)


def test_csi_is_one_item_a_page_by_number_and_topic_with_the_note(asha_csi):
    page = text(asha_csi.page("?q=csi-7"))
    assert "7. How often is this a problem for you: light sensitivity?" in page
    assert "not the validated wording" in page
    assert "Question 10 of 28" in page
    assert len(re.findall(r'type="radio"', page)) == 5


def test_the_clinics_own_wording_takes_the_place_of_topic_and_note(asha_csi, site, now):
    with asha_csi.wired.store.writing() as session:
        items = {number: f"Own words of item {number}" for number in range(1, 26)}
        own = questionnaires.Wording(
            "en", "1", "our own test", "none needed", items, ("Nil", "Few", "Some", "Many", "All")
        )
        questionnaires.store(session, site, own, audit.COMMAND, now)
    page = text(asha_csi.page("?q=csi-7"))
    assert "7. Own words of item 7" in page
    assert "not the validated wording" not in page
    assert "Nil" in page
    assert "Own words" not in text(asha_csi.page("?q=csi-7&lang=bn"))


def test_a_whole_csi_is_saved_item_by_item_sensitive_ones_and_24_too(asha_csi):
    for step, value in (("nrs", 3), ("pgic", 2), ("relief_percent", 60)):
        asha_csi.choose(step, value)
    for item in range(1, 26):
        page = text(asha_csi.page())
        assert f"Question {3 + item} of 28" in page
        if item == 16:
            assert asha_csi.skip("csi-16").status_code == 303
        else:
            assert asha_csi.choose(f"csi-{item}", item % 5).status_code == 303
    values = asha_csi.values()
    assert [values["csi", item] for item in range(1, 26)] == [None if i == 16 else i % 5 for i in range(1, 26)]
    assert asha_csi.fresh().state is PromptState.ANSWERED
    assert "Symptom list: 24 of 25 answered" in text(asha_csi.page("/done"))


def test_a_skipped_item_can_still_be_answered(asha_csi):
    asha_csi.skip("csi-16")
    asha_csi.choose("csi-16", 2)
    assert asha_csi.values()["csi", 16] == 2
    assert [row.value for row in asha_csi.answers(AnswerState.CORRECTED)] == [None]


def test_item_24_is_not_asked_again_once_answered(app, wired, site, now):
    one = linked(app, wired, site, now, CSI)
    assert "csi-24" not in text(one.page("?q=csi-24"))
    assert "of 27" in text(one.page())


def test_topics_are_those_of_the_instrument(app):
    from prom.web import patient_words

    with app.test_request_context("/"):
        assert patient_words.topics() == dict(instruments.CSI_TOPICS)


def test_the_thanks_show_the_own_line_the_next_date_the_phone_and_a_way_out(asha):
    asha.choose("nrs", 3)
    page = text(asha.page("/done"))
    assert 'aria-label="Your pain from 0 to 10. Before: 8, Day 14: 3"' in page
    assert "Lower is better." in page
    assert "Day 3</text>" in page  # a gap, without a score
    assert "Next questions:" in page
    assert 'href="tel:+913340001000"' in page
    assert f'href="/stop/{asha.token}"' in page


def test_the_calendar_file_has_the_next_date_in_utc(asha):
    asha.choose("nrs", 3)
    response = asha.page("/next.ics")
    assert response.content_type == "text/calendar; charset=utf-8"
    lines = text(response).split("\r\n")
    with asha.wired.store.reading() as session:
        from prom.storage import plans

        d30 = next(row for row in plans.prompts(session, asha.episode.id) if row.time_point == "d30")
    assert f"DTSTART:{d30.due_at:%Y%m%dT%H%M%SZ}" in lines
    assert "SUMMARY:Questions by text from Asha Clinic" in lines
    assert all(len(line.encode()) <= 75 for line in lines)
    assert asha.token not in text(response)
    assert d30.public_id not in text(response)


def test_call_me_opens_one_urgent_task(asha):
    asha.choose("nrs", 3)
    for _ in range(2):
        response = asha.client.post(asha.address + "/call")
    assert "We have asked the clinic to call you" in text(follow(asha, response))
    with asha.wired.store.reading() as session:
        [task] = tasks.open_tasks(session, [asha.prompt.site_id])
    assert (task.kind, task.reason, task.urgent, task.prompt_id) == (TaskKind.CALL, "call_me", True, asha.prompt.id)


def test_every_page_of_a_patient_is_not_stored_by_browsers_and_sets_no_cookie(asha):
    for response in (asha.page(), asha.choose("nrs", 3), asha.page("/done"), asha.client.get("/a/x")):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in response.headers


def test_a_page_weighs_at_most_15_kb_in_at_most_3_requests(asha_csi):
    for step, value in (("nrs", 3), ("pgic", 2), ("relief_percent", 60)):
        asha_csi.choose(step, value)
    for item in range(1, 26):
        asha_csi.choose(f"csi-{item}", 1)
    for path in ("?q=nrs&lang=bn", "?q=pgic&lang=hi", "?q=csi-24&lang=bn", "/done?lang=bn&said=now", "/done?lang=hi"):
        page = asha_csi.page(path)
        parts = re.findall(r'<link rel="stylesheet" href="([^"]+)"|<(?:img|script|iframe)', text(page))
        assert len(parts) == 1, path
        sheet = asha_csi.client.get(parts[0]).get_data()
        whole = len(page.get_data()) + len(sheet)
        assert whole <= 15 * 1024, (path, whole)
        assert len(gzip.compress(page.get_data())) + len(gzip.compress(sheet)) <= 6 * 1024
