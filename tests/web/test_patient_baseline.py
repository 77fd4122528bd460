"""The baseline questionnaire by its link: resumed, changed, skipped, never recorded by a GET; and the tablet."""

import gzip
import re
from datetime import timedelta

import pytest

from prom.services import inviting
from prom.storage import answers, episodes
from prom.storage.models import AnswerState, InvitationKind, Message, Source
from prom.web import locales
from tests import people
from tests.web.baseline import invited
from tests.web.patients import dump, text


@pytest.fixture
def asha(app, wired, site, now):
    """Return Asha's invitation by a code."""
    return invited(app, wired, site, now)


@pytest.fixture
def tablet(app, wired, site, now):
    """Return Asha's invitation on the clinic's tablet."""
    return invited(app, wired, site, now, way="tablet")


def test_the_first_page_says_what_comes_and_how_many(asha):
    page = text(asha.page())
    assert "There are 26 short questions" in page
    assert f'href="{asha.address}/1"' in page


def test_one_question_a_screen_with_its_place_and_no_script(asha):
    page = text(asha.page("/1"))
    assert "Question 1 of 26" in page
    assert len(re.findall('type="radio"', page)) == 11
    assert "<script" not in page
    item = text(asha.page("/25"))
    assert "24. How often is this a problem for you: childhood trauma?" in item
    assert "not the validated wording" in item
    assert 'name="skip"' in item


def test_answers_are_saved_at_once_and_the_link_goes_on_where_it_was_left(asha):
    assert asha.choose(1, 7).location == f"{asha.address}/2"
    for number in range(2, 8):
        asha.choose(number, number % 5)
    assert asha.page().location == f"{asha.address}/8"
    assert len(asha.values()) == 7
    assert asha.values()["nrs", 0] == 7


def test_a_skipped_item_is_kept_as_skipped_and_pain_cannot_be_skipped(asha):
    assert asha.client.post(f"{asha.address}/1", data={"skip": "1"}).status_code == 422
    asha.choose(1, 3)
    assert asha.client.post(f"{asha.address}/2", data={"skip": "1"}).location == f"{asha.address}/3"
    assert asha.values() == {("nrs", 0): 3, ("csi", 1): None}


def test_reading_changes_nothing(asha):
    asha.choose(1, 7)
    before = dump(asha.wired.store)
    for path in ("", "/1", "/2", "/26", "/27", "/0", "/done", "/back", "?lang=hi", "/1?lang=bn&big=1&read=1"):
        asha.page(path)
        asha.client.head(asha.address + path)
    assert dump(asha.wired.store) == before


@pytest.mark.parametrize("wrong", ["", "11", "-1", "seven", "3.5"])
def test_what_is_not_on_the_scale_is_asked_again(asha, wrong):
    answer = asha.client.post(f"{asha.address}/1", data={"answer": wrong})
    assert answer.status_code == 422
    assert 'role="alert"' in text(answer)
    assert asha.values() == {}


def test_back_shows_the_answer_and_a_change_is_a_correction(asha):
    asha.choose(1, 7)
    page = text(asha.page("/1"))
    assert re.search(r'value="7"[^>]* checked', page)
    assert f'href="{asha.address}/1"' in text(asha.page("/2"))
    asha.choose(1, 5)
    assert asha.values() == {("nrs", 0): 5}


def test_an_answer_of_an_old_page_is_kept_beside_and_told(asha):
    asha.choose(1, 7)
    answer = asha.client.post(f"{asha.address}/1", data={"answer": "2", "seen": ""})
    assert "We already have an answer to this: 7" in text(asha.client.get(answer.location))
    assert asha.values() == {("nrs", 0): 7}


def finish(one):
    for number in range(1, 27):
        answer = one.choose(number, 1)
    return answer


def test_the_whole_is_scored_and_thanked_for_and_closes_after_fifteen_minutes(asha, now):
    assert finish(asha).location == f"{asha.address}/done"
    page = text(asha.page("/done"))
    assert "Thank you" in page
    assert "Symptom list: 25 of 25 answered" in page
    with asha.wired.store.reading() as session:
        assert episodes.sensitization(session, asha.episode.id).csi_min == 25
    asha.wired.clock.move_to(now + timedelta(minutes=14))
    asha.choose(1, 4)
    asha.wired.clock.move_to(now + timedelta(minutes=16))
    assert asha.page("/done").status_code == 410
    assert "was not saved" in text(asha.client.post(f"{asha.address}/1", data={"answer": "2"}))
    assert asha.values()["nrs", 0] == 4


def test_done_waits_until_everything_is_answered(asha):
    asha.choose(1, 7)
    assert asha.page("/done").location == f"{asha.address}/2"


def test_no_page_names_anybody(asha):
    finish(asha)
    for page in (text(asha.page("/1")), text(asha.page("/done"))):
        for secret in ("Asha Das", "Das", people.ASHA_PHONE, "R-101", "enicular", "CSI", "ensitization"):
            assert secret not in page.replace("Asha Clinic", "")


def test_over_wrong_and_used_are_one_page_and_an_old_link_texts_a_new_one(asha, now):
    wrong = asha.client.get("/b/" + "x" * 30)
    assert wrong.status_code == 410
    asha.wired.clock.move_to(now + timedelta(days=8))
    over = asha.page()
    assert text(over).replace(asha.token, "x" * 30) == text(wrong)
    assert asha.client.post("/b/" + "x" * 30 + "/new").status_code == 410
    assert texts(asha) == []
    page = text(asha.client.post(asha.address + "/new"))
    assert "a new link comes by text" in page
    assert [row.text_key for row in texts(asha)] == ["baseline_link"]


def texts(one):
    from sqlmodel import select

    with one.wired.store.reading() as session:
        return session.exec(select(Message).where(Message.text_key == "baseline_link")).all()


def test_a_token_of_one_kind_of_page_opens_no_other(asha):
    for path in ("/a/", "/c/", "/stop/"):
        assert asha.client.get(path + asha.token).status_code == 410


def test_language_large_text_and_reading_aloud_are_kept_from_page_to_page(asha):
    page = text(asha.page("/1?lang=bn&big=1&read=1"))
    assert '<html lang="bn" class="big">' in page
    assert "read.js" in page
    assert f'action="{asha.address}/1?lang=bn&amp;big=1&amp;read=1"' in page
    answer = asha.choose(1, 7, query="?lang=bn&big=1&read=1")
    assert answer.location == f"{asha.address}/2?lang=bn&big=1&read=1"
    assert "read.js" not in text(asha.page("/1?lang=bn"))


@pytest.mark.parametrize("code", locales.LANGUAGES)
def test_a_page_weighs_at_most_15_kb_with_its_styles_and_script(asha, code):
    pages = [asha.page(f"/{number}?lang={code}&read=1&big=1").data for number in (1, 2)]
    files = [asha.client.get(f"/static/{name}").data for name in ("patient.css", "read.js")]
    for page in pages:
        assert sum(len(gzip.compress(part)) for part in (page, *files)) < 15_000


def test_the_tablet_ends_on_a_screen_to_hand_it_back_and_forgets(tablet):
    finish(tablet)
    done = text(tablet.page("/done"))
    assert "Finish" in done
    assert tablet.page("/done").headers["Cache-Control"] == "no-store"
    assert tablet.page("/back").status_code == 410, "not before somebody finished"
    answer = tablet.client.post(tablet.address + "/finish")
    assert answer.location == tablet.address + "/back"
    back = tablet.client.get(answer.location)
    assert "hand the tablet back" in text(back)
    assert back.headers["Clear-Site-Data"] == '"cache"'
    for path in ("", "/1", "/26", "/done"):
        assert tablet.page(path).status_code == 410
    with tablet.wired.store.reading() as session:
        assert {row.source for row in answers.current(session, tablet.episode.id)} == {Source.CLINIC}


def test_a_tablet_left_alone_closes_after_two_hours(tablet, now):
    tablet.wired.clock.move_to(now + timedelta(hours=2))
    assert tablet.page().status_code == 410
    assert tablet.client.post(tablet.address + "/new").status_code == 410
    assert texts(tablet) == []


class TestStaff:
    """What the coordinator sees and does."""

    @pytest.fixture
    def mina(self, client_as):
        return client_as("coordinator")

    @pytest.fixture
    def place(self, asha):
        return f"/patients/{asha.patient.public_id}/baseline/{asha.episode.public_id}"

    def test_the_page_counts_what_is_answered_and_shows_the_code_without_another_host(self, asha, mina, place):
        for number in range(1, 8):
            asha.choose(number, 1)
        page = text(mina.get(place))
        assert "7 of 26 answered" in page
        assert "<svg" in page
        assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
        assert mina.get(place + "/progress").json == {
            "answered": 7,
            "total": 26,
            "words": "7 of 26 answered",
            "over": False,
        }

    def test_a_code_or_a_text_opens_the_page_and_ends_the_one_before(self, asha, mina, place):
        assert mina.post(place, data={"way": "text"}).location == place
        assert len(texts(asha)) == 1
        assert asha.page().status_code == 410
        assert "A link was texted" in text(mina.get(place))
        mina.post(place, data={"way": "qr"})
        assert "Scan this code" in text(mina.get(place))

    def test_the_tablet_signs_staff_out_before_the_patient_gets_it(self, asha, mina, place):
        answer = mina.post(place, data={"way": "tablet"})
        assert answer.location.startswith("/b/")
        assert "26 short questions" in text(mina.get(answer.location))
        assert mina.get(place).location.startswith("/login")
        assert mina.get("/todo").location.startswith("/login")

    def test_an_unknown_way_is_told(self, mina, place):
        assert mina.post(place, data={"way": "fax"}).status_code == 422

    def test_another_patients_procedure_is_not_here(self, asha, mina, wired, site, now, place):
        with wired.store.writing() as session:
            other = people.bikash(session, site, now)
        assert mina.get(f"/patients/{asha.patient.public_id}/baseline/{other.public_id}").status_code == 404

    def test_the_next_procedure_is_found_by_itself(self, asha, mina, place):
        assert mina.get(f"/patients/{asha.patient.public_id}/baseline").location == place

    def test_after_the_procedure_nothing_is_asked_from_memory(self, asha, mina, place):
        asha.wired.clock.move_to(asha.episode.procedure_at)
        assert "never filled in from memory" in text(mina.get(place))
        assert mina.post(place, data={"way": "qr"}).status_code == 422

    def test_the_text_that_leaves_carries_the_link_and_staff_see_a_placeholder(self, asha, mina, place, wired, now):
        from prom.services import prompting
        from prom.storage import messages

        mina.post(place, data={"way": "text"})
        # The channel's one text a second may still be taken by the wall's clock: the next tick has it.
        for second in (1, 3, 5):
            wired.clock.move_to(now + timedelta(seconds=second))
            prompting.send_due(wired.store, wired.gateway, wired.settings, wired.clock.now)
        with wired.store.reading() as session:
            [row] = texts(asha)
            row = session.get(Message, row.id)
            assert messages.body(session, row) == "Asha Clinic: your first questions are ready: [link]", row.reason
            latest = inviting.current(session, asha.patient, asha.episode, InvitationKind.BASELINE)
            address = inviting.address(session, latest, wired.settings.public_url)
        assert [address in each.body for each in wired.gateway.thread(people.ASHA_PHONE)] == [True]


def test_answers_are_never_second_when_each_is_given_once(asha):
    finish(asha)
    with asha.wired.store.reading() as session:
        assert {row.state for row in answers.current(session, asha.episode.id)} == {AnswerState.CURRENT}
