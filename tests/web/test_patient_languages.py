"""The languages of patients' pages: complete, with their own digits and dates, kept from page to page."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from prom.storage.models import Patient
from prom.web import locales
from tests import people
from tests.web.patients import follow, linked, text

ROOT = Path(__file__).resolve().parents[2]
TRANSLATED = [code for code in locales.LANGUAGES if code != "en"]
VARIABLES = re.compile(r"%\(\w+\)s")


@pytest.fixture(scope="module")
def words():
    """Return every string of the patients' pages as the templates and views write it."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(
        str(ROOT / "prom"),
        [(pattern.removeprefix("prom/"), method) for pattern, method in methods],
        {pattern.removeprefix("prom/"): {**values, "silent": "false"} for pattern, values in options.items()},
        directory_filter=lambda _: True,
    )
    return {message for _, _, message, _, _ in found}


def catalogue(code: str) -> Catalog:
    with (ROOT / "prom" / "locale" / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


def test_words_are_found_in_templates_views_and_macros(words):
    assert {"Thank you", "Choose one answer", "There is a problem", "memory"} <= words


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_string_is_missing_or_left_over_in_a_language(words, code):
    told = {message.id: message for message in catalogue(code) if message.id}
    assert words - told.keys() == set()
    assert told.keys() - words == set()
    assert [key for key, message in told.items() if not message.string or message.fuzzy] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_translations_have_the_variables_of_their_text_and_their_own_script(code):
    for message in catalogue(code):
        if message.id:
            assert sorted(VARIABLES.findall(message.string)) == sorted(VARIABLES.findall(message.id)), message.id
            rest = VARIABLES.sub("", message.string)
            assert re.sub(r"\b(STOP|START)\b", "", rest).isascii() is (
                not re.search("[A-Za-z]", VARIABLES.sub("", message.id))
            )
            assert not re.search("[0-9]", rest), message.id


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_compiled_catalogue_is_that_of_the_source(code):
    with (ROOT / "prom" / "locale" / code / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        compiled = {message.id: message.string for message in read_mo(file) if message.id}
    again = BytesIO()
    write_mo(again, catalogue(code))
    again.seek(0)
    assert compiled == {message.id: message.string for message in read_mo(again) if message.id}


@pytest.fixture
def bikash(app, wired, site, now):
    """Return Bikash's open link of day 30; he reads Bengali."""
    return linked(app, wired, site, now, "d30", people.bikash)


def test_a_page_speaks_the_patients_language_with_its_digits(bikash):
    # Read in English first: templates are compiled once for all languages.
    assert "24 hours" in text(bikash.page("?lang=en"))
    page = text(bikash.page())
    assert '<html lang="bn">' in page
    assert "গত ২৪ ঘণ্টায় আপনার বাঁ হাঁটুতে গড়ে কতটা ব্যথা ছিল?" in page
    assert "<span>১০</span>" in page
    assert "৩টির মধ্যে ১ নম্বর প্রশ্ন" in page
    shown = re.sub(r"<[^>]*>", " ", page)
    assert not re.search("[0-9]", shown), shown


def test_the_switch_is_on_each_page_and_is_kept_in_links_and_forms(bikash):
    page = text(bikash.page("?lang=hi"))
    assert '<html lang="hi">' in page
    assert f'action="{bikash.address}?lang=hi"' in page
    for code in locales.LANGUAGES:
        assert f"lang={code}" in page
    answer = bikash.choose("nrs", 3, lang="hi")
    page = text(follow(bikash, answer))
    assert '<html lang="hi">' in page
    for step, value in (("pgic", 2), ("relief_percent", 50)):
        answer = bikash.choose(step, value, lang="hi")
    page = text(follow(bikash, answer))
    assert "दर्द: ३" in page
    assert "दर्द में कमी: ५० %" in page
    assert 'href="/who?lang=hi"' in page
    assert f'href="/stop/{bikash.token}?lang=hi"' in page


def test_dates_are_written_in_the_language(bikash):
    for step, value in (("nrs", 3), ("pgic", 2), ("relief_percent", 50)):
        bikash.choose(step, value)
    bengali = r"(সোম|মঙ্গল|বুধ|বৃহস্পতি|শুক্র|শনি|রবি)বার [০-৯]+ [^,]+, মোটামুটি সকাল [০-৯]+:[০৩]০"
    hindi = r"(सोम|मंगल|बुध|गुरु|शुक्र|शनि|रवि)वार [०-९]+ [^,]+, लगभग सुबह [०-९]+:[०-९]{2}"
    assert re.search(bengali, text(bikash.page("/done")))
    assert re.search(hindi, text(bikash.page("/done?lang=hi")))
    assert re.search(r"[A-Z][a-z]+day \d+ [A-Z][a-z]+, about \d+:[03]0.AM", text(bikash.page("/done?lang=en")))


def test_an_unknown_language_leaves_the_patients_own(bikash):
    assert '<html lang="bn">' in text(bikash.page("?lang=xx"))
    assert '<html lang="bn">' in text(bikash.page("?lang=../en"))
    # A sign that no browser sends is refused before any page is chosen.
    assert bikash.page("?lang=%00").status_code == 400


def test_a_link_that_is_over_speaks_the_readers_language_not_the_patients(bikash):
    for address in (f"/a/{'x' * 30}", f"/a/{bikash.token}x"):
        assert '<html lang="en">' in text(bikash.client.get(address))
        hindi = {"Accept-Language": "hi-IN,hi;q=0.9,en;q=0.5"}
        assert '<html lang="hi">' in text(bikash.client.get(address, headers=hindi))
        assert '<html lang="bn">' in text(bikash.client.get(address + "?lang=bn"))


def test_romanised_texts_get_pages_in_their_script(app, wired, site, now):
    one = linked(app, wired, site, now)
    with wired.store.writing() as session:
        session.get_one(Patient, one.prompt.patient_id).language = "hi-Latn"
    assert '<html lang="hi">' in text(one.page())


@pytest.mark.parametrize("code", locales.LANGUAGES)
def test_every_kind_of_page_renders_in_every_language(app, wired, site, now, code):
    one = linked(app, wired, site, now, "d90", csi_items=None)
    for step in ("nrs", "pgic", "relief_percent", "csi-1", "csi-24"):
        page = text(one.page(f"?q={step}&lang={code}"))
        assert f'<html lang="{code}">' in page
        assert "%(" not in page
    for path in (f"/stop/{one.token}?lang={code}", f"/who?lang={code}", f"/a/wrong?lang={code}"):
        page = text(one.client.get(path))
        assert f'<html lang="{code}">' in page
        assert "%(" not in page
