"""One patient's page: verdict first, the review of a loss, striking an answer out, the letter."""

import re

import pytest

from prom.storage import alerts, answers, audit, lists, patients, sites
from prom.storage.models import AnswerState
from tests.web import clinician_patients as known


@pytest.fixture
def bikash(store, site, now):
    """Return the public id of Bikash, who lost relief by day 60."""
    return known.bikash_and_asha(store, now)[0]


@pytest.fixture
def client(bikash, client_as):
    """Return a signed-in clinician."""
    return client_as("clinician")


def page(client, path, status=200):
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)[:500]
    return answer.get_data(as_text=True)


def open_alert(store, patient_id):
    with store.reading() as session:
        return next(
            row for row in alerts.open_of(session, [known.episode_of(session, patient_id).id]) if row.kind == "red"
        )


def answer_of(store, patient_id, value, nth=0):
    with store.reading() as session:
        rows = lists.answers(session, known.episode_of(session, patient_id).id)
        return [row for row in rows if row.instrument == "nrs" and row.value == value][nth]


def test_the_verdict_stands_before_the_chart(client, bikash):
    text = page(client, f"/patients/{bikash}")
    assert text.index("Relief lost at day 60") < text.index('data-chart="trajectory"')
    assert "Relief held on day 30 and was below 30 % by day 60" in text
    assert "7 → 6" in text.replace("\N{RIGHTWARDS ARROW}", "→")
    assert "best 57" in text
    assert "CSI" in text


def test_what_an_alert_tells_is_not_told_twice(client, bikash):
    text = page(client, f"/patients/{bikash}")
    beside = text.split("What else the scores say")[1].split("</section>")[0]
    assert "Relief waning" in beside
    assert beside.count("was below 50 % by day 60") == 1


def test_each_number_has_its_words_and_each_silence_its_reason(client, bikash):
    text = page(client, f"/patients/{bikash}")
    assert "Lower is better." in text
    assert "it was due before enrolment" in text
    assert "Definition version 1" in text


def scripts(text):
    """Return what a page loads beside the warning that one is about to be signed out, which every page has."""
    return [src for src in re.findall(r"<script[^>]+src=\"([^\"]+)\"", text) if "idle" not in src]


def test_the_page_holds_no_inline_style_and_loads_one_script(client, bikash):
    text = page(client, f"/patients/{bikash}")
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", text)
    assert len(scripts(text)) == 1


def test_reading_a_patient_leaves_a_row_in_the_audit(store, client, bikash):
    page(client, f"/patients/{bikash}")
    with store.reading() as session:
        assert "read" in [row.action for row in audit.history(session, "patient", bikash)]


def test_a_patient_of_another_site_is_not_found_and_the_try_is_noted(store, bikash, client_as):
    with store.writing() as session:
        north = sites.add(session, "north", "North Clinic", "Asia/Kolkata")
    stranger = client_as("clinician", north.id)
    for path in (f"/patients/{bikash}", f"/patients/{bikash}/print"):
        page(stranger, path, 404)
    with store.reading() as session:
        assert "refused_other_site" in [row.action for row in audit.history(session, "patient", bikash)]


def test_an_unknown_patient_is_not_found(client):
    page(client, "/patients/0000000000000000", 404)


def test_another_patients_procedure_is_not_shown_under_this_address(store, client, bikash):
    with store.reading() as session:
        other = known.episode_of(session, known.public_id(store, "R-101")).public_id
    page(client, f"/patients/{bikash}?episode={other}", 404)


def test_a_review_is_stored_and_the_patient_leaves_the_list(store, client, bikash):
    alert = open_alert(store, bikash)
    form = {
        "alert": alert.public_id,
        "considered": ["target", "sensitization"],
        "cause": "sensitization",
        "note": "widespread tenderness",
    }
    answer = client.post(f"/patients/{bikash}/review", data=form)
    assert answer.status_code == 303
    assert "Bikash Roy" not in page(client, "/clinic")
    text = page(client, f"/patients/{bikash}")
    assert "Earlier reviews (1)" in text
    assert "widespread tenderness" in text
    assert "Symptoms related to sensitization" in text


def test_a_review_from_the_list_leads_back_to_the_list(store, client, bikash):
    form = {"alert": open_alert(store, bikash).public_id, "back": "list"}
    answer = client.post(f"/patients/{bikash}/review", data=form)
    assert answer.headers["Location"].endswith("/clinic")


def test_an_alert_is_reviewed_once(store, client, bikash):
    form = {"alert": open_alert(store, bikash).public_id, "note": "second thoughts"}
    client.post(f"/patients/{bikash}/review", data=form)
    answer = client.post(f"/patients/{bikash}/review", data=form)
    assert answer.status_code == 422
    assert "reviewed already" in answer.get_data(as_text=True)


def test_a_wrong_conclusion_is_named_and_what_was_typed_is_kept(store, client, bikash):
    form = {"alert": open_alert(store, bikash).public_id, "cause": "witchcraft", "note": "kept words"}
    answer = client.post(f"/patients/{bikash}/review", data=form)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Choose a conclusion from the list." in text
    assert "kept words" in text


def test_a_coordinator_cannot_review_or_strike(store, bikash, client_as):
    coordinator = client_as("coordinator")
    assert "review-form" not in page(coordinator, f"/patients/{bikash}")
    form = {"alert": open_alert(store, bikash).public_id}
    assert coordinator.post(f"/patients/{bikash}/review", data=form).status_code == 403
    row = answer_of(store, bikash, 6)
    path = f"/patients/{bikash}/answers/{row.public_id}"
    assert "Strike out" not in page(coordinator, path)
    assert coordinator.post(path, data={"reason": "no"}).status_code == 403


def test_an_answer_is_struck_out_only_with_a_reason(store, client, bikash):
    row = answer_of(store, bikash, 6)
    answer = client.post(f"/patients/{bikash}/answers/{row.public_id}", data={"reason": " "})
    assert answer.status_code == 422
    assert "Say why the answer is struck out." in answer.get_data(as_text=True)


def test_striking_answers_out_judges_the_patient_anew(store, client, bikash):
    for _ in range(3):
        row = next(row for row in [answer_of(store, bikash, 6, nth) for nth in range(3)] if row.state == "current")
        path = f"/patients/{bikash}/answers/{row.public_id}"
        assert client.post(path, data={"reason": "meant the other knee"}).status_code == 303
    text = page(client, f"/patients/{bikash}")
    assert "Relief lost" not in text
    assert "meant the other knee" in text
    assert "answer struck" in page(client, path)
    with store.reading() as session:
        assert answers.by_public_id(session, row.public_id).state is AnswerState.STRUCK


def test_an_answer_of_another_patient_is_not_found_here(store, client, bikash):
    row = answer_of(store, bikash, 6)
    page(client, f"/patients/{known.public_id(store, 'R-101')}/answers/{row.public_id}", 404)


def test_the_letter_is_one_drawing_without_a_script(client, bikash):
    text = page(client, f"/patients/{bikash}/print")
    assert scripts(text) == []
    assert text.count("<svg") == 1
    assert "Relief lost at day 60" in text
    assert "At 50 % relief: Relief held on day 30 and was below 50 % by day 60" in text
    assert "Record R-102" in text
    assert "not a diagnosis" in text


def test_nothing_is_changed_without_the_forms_token(app, store, client, bikash):
    app.config["WTF_CSRF_ENABLED"] = True
    alert = open_alert(store, bikash)
    assert client.post(f"/patients/{bikash}/review", data={"alert": alert.public_id}).status_code == 400
    with store.reading() as session:
        assert alerts.by_public_id(session, alert.public_id, [alert.site_id]).reviewed_at is None


def test_a_patient_with_two_procedures_can_be_switched_between_them(store, client, bikash, now):
    from datetime import timedelta

    from prom.services import enrolling
    from tests import people

    with store.writing() as session:
        patient = patients.by_public_id(session, bikash, None)
        assert patient is not None
        again = people.enrolment(
            102, now, record_number="R-102", first_name="Bikash", last_name="Roy", phone="+919007100000", side="right"
        )
        enrolling.enrol(session, again, audit.COMMAND, now + timedelta(minutes=1))
    text = page(client, f"/patients/{bikash}")
    assert "Procedures of this patient" in text
    assert "Relief lost at day 60" in text


def test_the_next_action_stands_with_the_verdict(store, site, client, bikash, now):
    assert "Next:" in page(client, f"/patients/{bikash}")
    assert "review the loss: target, technique" in page(client, f"/patients/{bikash}")
    asha = known.public_id(store, "R-101")
    assert "the question of day" in page(client, f"/patients/{asha}")


@pytest.mark.parametrize(
    ("baseline", "scores", "words"),
    [
        (0, {7: 0, 14: 0}, "No pain at baseline"),
        (3, {7: 1, 14: 1}, "Low baseline"),
        ("", {7: 4, 14: 4}, "No baseline"),
    ],
)
def test_a_course_that_is_not_judged_says_so(store, site, client, now, baseline, scores, words):
    (patient,) = known.bring_in(store, now, [("R-900", "Dina", 1, baseline, scores)])
    text = page(client, f"/patients/{patient}")
    assert words in text
    assert "Relief lost" not in text
    assert "Lower is better." in text


def test_the_sentence_of_the_chart_and_the_verdict_count_alike(client, bikash):
    text = page(client, f"/patients/{bikash}")
    said = re.search(r"(\d+) of (\d+) questions answered", text)
    assert said is not None
    assert f"{said[1]}/{said[2]}" in text


def test_striking_out_asks_for_the_password_again_after_a_while(store, app, client, bikash, monkeypatch):
    from prom.web import guards

    monkeypatch.setattr(guards, "FRESH_SECONDS", -1)
    row = answer_of(store, bikash, 6)
    answer = client.post(f"/patients/{bikash}/answers/{row.public_id}", data={"reason": "other knee"})
    assert answer.status_code == 302
    assert "/verify" in answer.location
    with store.reading() as session:
        assert answers.by_public_id(session, row.public_id).state is AnswerState.CURRENT


def test_an_alert_is_reviewed_on_its_own_patients_page_only(store, bikash, client):
    given = {"alert": open_alert(store, bikash).public_id, "cause": "technique", "considered": ["technique"]}
    asha = known.public_id(store, "R-101")
    assert client.post(f"/patients/{asha}/review", data=given).status_code == 404
    assert client.post(f"/patients/{bikash}/review", data=given).status_code == 303
