"""One task: the call script in the patient's language, answers by phone, outcomes, another number."""

import html
import json
import re
from datetime import timedelta

import pytest
from sqlmodel import select

from prom.domain import reply_words
from prom.services import conversing, questionnaires
from prom.storage import answers, audit, messages, patients, plans, tasks
from prom.storage.models import AnswerState, Message, MessageState, Patient, Prompt, PromptState, Source, TaskKind
from prom.web import coordinator_words
from tests import people
from tests.web.desk import actions, asked, done, fresh, open_tasks, page, texted


class Silent:
    """Bikash, who did not answer day 90: pain, change, relief and the CSI by sheet."""

    def __init__(self, wired, site, now, time_point="d90"):
        self.wired = wired
        self.episode = done(wired.store, people.bikash, site, now)
        self.prompt = asked(wired.store, self.episode, time_point)
        self.now = self.prompt.due_at + timedelta(days=5)
        wired.clock.move_to(self.now)
        with wired.store.writing() as session:
            self.task = tasks.open_task(
                session,
                site_id=site.id,
                kind=TaskKind.CHASE,
                reason="no_answer",
                dedupe_key="silent",
                patient_id=self.episode.patient_id,
                prompt_id=self.prompt.id,
                now=self.now,
            )

    @property
    def address(self):
        return f"/tasks/{self.task.public_id}"

    def answers(self):
        with self.wired.store.reading() as session:
            rows = answers.of_prompt(session, self.prompt.id)
        return {(row.instrument, row.item): row for row in rows if row.state is AnswerState.CURRENT}


@pytest.fixture
def bikash(app, wired, site, now):
    return Silent(wired, site, now)


def test_the_script_reads_the_licensed_sentence_where_the_clinic_has_one(client_as, bikash, wired, site, now):
    words = [f"Invented sentence number {number} about nothing" for number in range(1, 26)]
    items = {str(number): sentence for number, sentence in enumerate(words, start=1)}
    file = {"language": "en", "version": "1", "source": "a test", "licence": "none", "items": items}
    with wired.store.writing() as session:
        (given,) = questionnaires.read(json.dumps(file).encode(), "own.json")
        questionnaires.store(session, site, given, audit.COMMAND, now)
        session.get_one(Patient, bikash.episode.patient_id).language = "en"
        session.get_one(Prompt, bikash.prompt.id).questions = "nrs csi_item_7"
    shown = html.unescape(page(client_as("coordinator").get(bikash.address)))
    assert words[6] in shown


def test_the_script_asks_in_the_patients_language_and_names_each_scale(client_as, bikash):
    taken = client_as("coordinator").post(f"{bikash.address}/claim", follow_redirects=True)
    shown = html.unescape(page(taken))
    assert 'lang="bn"' in shown
    assert "গত 24 ঘণ্টায়" in shown
    assert "0 no pain to 10 worst imaginable" in shown
    assert "4 signs, 0 never to 4 always, X left out" in shown
    assert "No answer to the question of day 90: asked once" in shown
    assert "tel:+919007000102" in shown


def test_answers_told_on_the_phone_are_stored_as_such_and_close_the_task(client_as, bikash, site):
    sheets = {f"q_csi_{first}_{first + 4}": "12340" for first in (1, 6, 11, 16)} | {"q_csi_21_25": "1 2 x 4"}
    sent = {"outcome": "reached", "q_nrs": "4", "q_pgic": "2", "q_relief_percent": "50", **sheets, "proxy": "y"}
    assert client_as("coordinator").post(f"{bikash.address}/call", data=sent).status_code == 303
    found = bikash.answers()
    assert found["nrs", 0].value == 4
    assert (found["csi", 23].value, found["csi", 25].value) == (None, 4)
    assert {(row.source, row.proxy, row.answered_at >= bikash.now) for row in found.values()} == {
        (Source.PHONE, True, True)
    }
    assert fresh(bikash.wired.store, bikash.prompt).state is PromptState.ANSWERED
    closed = fresh(bikash.wired.store, bikash.task)
    assert (closed.outcome, closed.done_by_id is not None) == ("reached", True)


def test_a_call_is_undone_with_all_its_answers(client_as, bikash):
    client = client_as("coordinator")
    client.post(f"{bikash.address}/call", data={"outcome": "reached", "q_nrs": "4", "q_pgic": "2"})
    client.post(f"{bikash.address}/undo")
    assert bikash.answers() == {}
    assert fresh(bikash.wired.store, bikash.prompt).state is PromptState.ASKED
    assert fresh(bikash.wired.store, bikash.task).done_at is None


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"outcome": "reached", "q_nrs": "11"}, "Enter one whole number from 0 to 10."),
        ({"outcome": "reached", "q_pgic": "0"}, "Enter one whole number from 1 to 7."),
        ({"outcome": "reached", "q_relief_percent": "101"}, "Enter one whole number from 0 to 100."),
        ({"outcome": "reached", "q_csi_1_5": "1234"}, "Enter 5 signs"),
        ({"outcome": "reached", "q_csi_1_5": "12345"}, "Enter 5 signs"),
        ({"outcome": "reached", "q_csi_21_25": "12340"}, "Enter 4 signs"),
        ({"outcome": "", "q_nrs": "4"}, "Choose what the call came to."),
        ({"outcome": "no_answer", "q_nrs": "4"}, "Answers were entered: choose Reached."),
        ({"outcome": "call_back"}, "Enter a date and a time."),
        ({"outcome": "call_back", "call_at": "2026-01-01T10:00"}, "Choose a time in the future."),
        ({"outcome": "call_back", "call_at": "2027-03-01T10:00"}, "within 60 days"),
        ({"outcome": "reached", "note": "x" * 501}, "The note is too long"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(client_as, bikash, sent, says):
    answer = client_as("coordinator").post(f"{bikash.address}/call", data=sent)
    assert answer.status_code == 422
    assert says in html.unescape(page(answer))
    assert bikash.answers() == {}
    assert fresh(bikash.wired.store, bikash.task).done_at is None


def test_no_answer_comes_back_in_three_hours_within_the_day(client_as, bikash):
    client = client_as("coordinator")
    client.post(f"{bikash.address}/call", data={"outcome": "no_answer"})
    later = fresh(bikash.wired.store, bikash.task).not_before
    assert later >= bikash.now + timedelta(hours=3)
    shown = page(client.get("/todo"))
    assert "Bikash" not in shown
    assert "1 more task waits for its time." in shown
    bikash.wired.clock.move_to(later + timedelta(minutes=1))
    assert "Bikash" in page(client.get("/todo"))


def test_a_call_back_keeps_the_patients_clock(client_as, bikash):
    client_as("coordinator").post(
        f"{bikash.address}/call", data={"outcome": "call_back", "call_at": "2026-06-10T16:30", "note": "after work"}
    )
    assert fresh(bikash.wired.store, bikash.task).not_before.isoformat() == "2026-06-10T11:00:00+00:00"


def test_a_note_is_kept_sealed_and_read_in_the_history(client_as, wired, bikash):
    client = client_as("coordinator")
    client.post(f"{bikash.address}/call", data={"outcome": "reached", "note": "wife says he travels"})
    (row,) = actions(wired.store, "task note")
    assert b"travels" not in row.new_sealed
    with wired.store.reading() as session:
        public_id = session.get(Patient, bikash.episode.patient_id).public_id
    assert "wife says he travels" in page(client.get(f"/patients/{public_id}/history"))


def test_another_number_sends_the_open_question_to_it(client_as, wired, site, now):
    one = Silent(wired, site, now, "d14")
    with wired.store.writing() as session:
        person = session.get(Patient, one.episode.patient_id)
        person.unusable_reason = "30005"
        prompt = session.get(type(one.prompt), one.prompt.id)
        prompt.state, prompt.reason, prompt.asked_at = PromptState.NOT_SENT, "number_unusable", None
        for text in messages.of_prompt(session, prompt.id):
            text.state, text.reason = MessageState.FAILED, "error_30005"
        session.add_all([person, prompt])
        task = tasks.open_task(
            session,
            site_id=site.id,
            kind=TaskKind.FIX,
            reason="number_unusable",
            dedupe_key="fix",
            patient_id=person.id,
            prompt_id=prompt.id,
            now=one.now,
        )
    wired.clock.move_to(one.prompt.due_at + timedelta(days=1))
    client = client_as("coordinator")
    assert client.post(f"/tasks/{task.public_id}/number", data={"phone": "oops"}).status_code == 422
    client.post(f"/tasks/{task.public_id}/number", data={"phone": "90070 00777", "resend": "y"})
    with wired.store.reading() as session:
        person = session.get(Patient, person.id)
        assert patients.phone(session, person) == "+919007000777"
        assert person.unusable_reason == ""
        (waiting,) = [m for m in messages.of_prompt(session, one.prompt.id) if m.state is MessageState.PENDING]
        assert waiting.phone_index == person.phone_index
        assert session.get(type(one.prompt), one.prompt.id).state is PromptState.PLANNED
    assert fresh(wired.store, task).outcome == "number_changed"


def test_resend_past_the_window_says_why_not(client_as, bikash):
    bikash.wired.clock.move_to(bikash.prompt.closes_at + timedelta(hours=1))
    answer = client_as("coordinator").post(f"{bikash.address}/resend")
    assert answer.status_code == 422
    assert "The days in which this question counts are over." in page(answer)


def test_a_late_reply_is_offered_to_the_question_it_followed_and_keeps_its_day(client_as, wired, site, now):
    episode = done(wired.store, people.asha, site, now)
    prompt = asked(wired.store, episode, "d14")
    with wired.store.writing() as session:
        row = session.get(type(prompt), prompt.id)
        row.state = PromptState.MISSED
        session.add(row)
    at = prompt.closes_at + timedelta(hours=5)
    texted(wired.store, people.ASHA_PHONE, "6", at)
    wired.clock.move_to(at + timedelta(hours=1))
    client = client_as("coordinator")
    shown = page(client.get("/todo"))
    assert "records as average pain, last 24 hours, day 14" in shown
    (button,) = re.findall(r'name="answer" value="([0-9a-f]+:nrs=6)"', shown)
    (task,) = open_tasks(wired.store, site)
    client.post(f"/tasks/{task.public_id}/answer", data={"answer": button})
    with wired.store.reading() as session:
        (stored,) = answers.of_prompt(session, prompt.id)
        later = next(row for row in plans.prompts(session, episode.id) if row.time_point == "d30")
        assert answers.of_prompt(session, later.id) == []
    assert stored.answered_at == at


def test_those_who_share_a_phone_are_offered_by_name(client_as, wired, site, now):
    done(wired.store, people.asha, site, now)
    done(wired.store, people.bikash, site, now, phone=people.ASHA_PHONE)
    texted(wired.store, people.ASHA_PHONE, "5", now)
    client = client_as("coordinator")
    shown = page(client.get("/todo"))
    assert "several patients share" in shown
    buttons = dict(re.findall(r'name="patient" value="([0-9a-f]+)">([^<]+)<', shown))
    assert set(buttons.values()) == {"Asha Das", "Bikash Roy"}
    (task,) = open_tasks(wired.store, site)
    bikash_id = next(key for key, name in buttons.items() if name == "Bikash Roy")
    answer = client.post(f"/tasks/{task.public_id}/assign", data={"patient": bikash_id})
    assert answer.location.endswith(f"/tasks/{task.public_id}")
    assert "Bikash Roy" in page(client.get(answer.location))


KNOWN = {
    *(f"red_flag_{rule.name}" for rule in reply_words.lexicon().alarms),
    "red_flag_emergency_number",
    *(rule.name for rule in reply_words.lexicon().people),
    *conversing.CALLS,
    *[
        "picture",
        "encoded",
        "denied_sign",
        "maybe_opt_out",
        "pause",
        "help_me",
        "question",
        "long_note",
        "number_with_opt_out",
    ],
    *["note_with_opt_out", "start_after_withdrawal", "no_consent", "sender_unconfirmed", "late_correction"],
    *["correction_out_of_range", "unmatched_sender", "shared_phone", "late_reply", "unexpected_reply", "unreadable"],
    *["not_understood", "page_note", "number_unusable", "text_failed", "configuration_21408", "carrier_filtering"],
    *[
        "monthly_spend",
        "texts_ran_away",
        "emergency_not_texted",
        "outcome_unknown",
        "not_reached",
        "no_answer",
        "opted_out",
        "consent_withdrawn",
        "asked_by_phone",
        "low_balance",
        "staff_not_texted",
        "channel_halted",
    ],
}


@pytest.mark.parametrize("reason", sorted(KNOWN))
def test_every_reason_of_a_task_has_words_and_advice(app, reason):
    with app.test_request_context():
        found = coordinator_words.reason(reason)
    assert "A person should look at this" not in found.words
    assert found.advice
    assert "_" not in found.words


def test_a_reason_nobody_foresaw_still_has_words(app):
    with app.test_request_context():
        assert coordinator_words.reason("brand_new").words == "A person should look at this: brand new."


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        (MessageState.PENDING, "halted_20003", "has not left yet"),
        (MessageState.DELIVERED, "", "left at "),
        (MessageState.UNKNOWN, "ReadTimeout", "Nobody knows whether"),
        (MessageState.UNDELIVERED, "error_30003", "did not arrive"),
        (MessageState.EXPIRED, "channel_halted", "was not sent: the text channel was halted"),
        (MessageState.SUPPRESSED, "withdrawn", "was not sent: the patient left the follow-up"),
    ],
)
def test_a_possible_emergency_says_what_became_of_the_emergency_text(client_as, wired, site, now, state, reason, said):
    done(wired.store, people.asha, site, now)
    texted(wired.store, people.ASHA_PHONE, "chest pain", now)
    with wired.store.writing() as session:
        text = session.exec(select(Message).where(Message.kind == "emergency")).one()
        text.state, text.reason = state, reason
        text.sending_at = (
            now if state in {MessageState.DELIVERED, MessageState.UNKNOWN, MessageState.UNDELIVERED} else None
        )
    (task,) = open_tasks(wired.store, site)
    assert said in page(client_as("coordinator").get(f"/tasks/{task.public_id}"))


def test_a_second_sign_within_half_an_hour_says_that_no_text_answers_it(client_as, wired, site, now):
    done(wired.store, people.asha, site, now)
    texted(wired.store, people.ASHA_PHONE, "chest pain", now)
    texted(wired.store, people.ASHA_PHONE, "cannot breathe", now + timedelta(minutes=5), 2)
    with wired.store.reading() as session:
        assert len(session.exec(select(Message).where(Message.kind == "emergency")).all()) == 1
    shown = page(client_as("coordinator").get("/todo"))
    assert shown.count("has not left yet") == 1
    assert shown.count("No emergency text answers this one") == 1
