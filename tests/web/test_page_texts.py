"""The clinic's own words on patients' pages: shown where they belong, never in an emergency's place."""

import pytest

from prom.services import linking_texts
from prom.web import patient_words
from tests.web.patients import linked, text

TITLE = "Thank you. Your answers are saved."
PLACE = "Question %(number)s of %(total)s"


@pytest.fixture
def asha(app, wired, site, now):
    return linked(app, wired, site, now, "d30")


def change(client, words, typed, language="en"):
    data = {"language": language, "text": linking_texts.key_of(words), "words": typed}
    return client.post("/settings/page-texts", data=data)


def test_own_words_are_shown_in_their_language_and_taken_back(asha, client_as):
    ada = client_as("admin")
    assert change(ada, PLACE, "No. %(number)s <b>of</b> %(total)s").status_code == 303
    page = text(asha.page("?lang=en"))
    assert "No. 1 &lt;b&gt;of&lt;/b&gt; 3" in page
    assert "No. 1" not in text(asha.page("?lang=bn"))
    change(ada, PLACE, "প্রশ্ন %(number)s", language="bn")
    assert "badge" in text(ada.get("/settings/page-texts?language=en"))
    change(ada, PLACE, "")
    assert "Question 1 of 3" in text(asha.page("?lang=en"))


@pytest.mark.parametrize(
    "typed",
    ["No variables", "%(number)s of %(all)s", "%(number)s %(total)s 100 %", "%(number)s %(total)s\u202e", "x" * 501],
)
def test_words_that_would_break_a_page_are_refused_and_kept_in_the_form(client_as, asha, typed):
    reply = change(client_as("admin"), PLACE, typed)
    assert reply.status_code == 422
    assert "The text" in text(reply) or "percent" in text(reply)
    assert "Question 1 of 3" in text(asha.page("?lang=en"))


@pytest.mark.parametrize("words", sorted(linking_texts.FIXED))
def test_what_is_told_in_an_emergency_is_fixed(client_as, words):
    assert words in patient_words.catalogue("en")
    assert change(client_as("admin"), words, "All is well").status_code == 422


def test_every_text_may_be_looked_at_in_every_language(client_as):
    ada = client_as("admin")
    for code in ("en", "hi", "bn"):
        page = text(ada.get(f"/settings/page-texts?language={code}&text={linking_texts.key_of(TITLE)}"))
        assert patient_words.catalogue(code)[TITLE] in page
    assert ada.post("/settings/page-texts", data={"language": "en", "text": "nobody"}).status_code == 400
    assert client_as("coordinator").get("/settings/page-texts").status_code == 403
