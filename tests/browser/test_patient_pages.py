"""Patients' pages in real Chromium: on a small phone, without JavaScript, on a slow network, by keyboard."""

import re
from datetime import timedelta

import pytest

from prom.storage.models import AnswerState
from prom.web import locales
from tests.browser import serving
from tests.web.conftest import app, wired  # noqa: F401 - the same app, served
from tests.web.patients import linked

pytestmark = pytest.mark.browser
PHONE = {"width": 360, "height": 740}
NARROW = {"width": 320, "height": 600}
SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
NOT_48_PX = """() => [...document.querySelectorAll('a, button, .nrs-grid label, .radio-card, textarea, input[type=text]')]
  .filter((each) => each.getClientRects().length)
  .map((each) => [each.textContent.trim() || each.name, each.getBoundingClientRect()])
  .filter(([, box]) => box.height < 47.5 || box.width < 47.5).map(([name, box]) => `${name} ${box.width}x${box.height}`)"""


@pytest.fixture
def served(app):  # noqa: F811
    """Serve the app on a free port and return its address."""
    with serving.served(app) as found:
        yield found


def _note(errors, message):
    # A link that is over answers 410 and a refused answer 422, which the browser tells as errors of its own.
    if message.type == "error" and not any(code in message.text for code in ("410 (GONE)", "422 (")):
        errors.append(message.text)


@pytest.fixture
def phone(browser):
    """Return a page as a small phone shows it, without JavaScript of the site's own, and what it asked for."""
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.requests, page.errors = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("console", lambda message: _note(page.errors, message))
    yield page
    assert page.errors == []
    context.close()


@pytest.fixture
def asha(app, wired, site, now):  # noqa: F811
    """Return Asha's link of day 90 with the whole CSI."""
    return linked(app, wired, site, now, "d90", csi_items=None)


def tap(page, value):
    page.locator(f"input[name=answer][value='{value}']").check(force=True)
    page.locator("button.primary").click()


def test_a_whole_csi_on_a_slow_network_with_the_page_reloaded_half_way_loses_nothing(phone, served, asha):
    network = phone.context.new_cdp_session(phone)
    network.send("Network.emulateNetworkConditions", SLOW_3G)
    phone.goto(served + asha.address)
    tap(phone, 3)
    tap(phone, 2)
    phone.fill("input[name=answer]", "60")
    phone.locator("button.primary").click()
    for item in range(1, 26):
        if item == 13:
            phone.goto(served + asha.address)
            phone.reload()
        assert phone.locator("h1").inner_text().startswith(f"{item}. ")
        if item == 16:
            phone.locator("button[name=skip]").click()
        else:
            tap(phone, item % 5)
    assert phone.url.endswith("/done")
    values = asha.values()
    assert [values["csi", item] for item in range(1, 26)] == [None if i == 16 else i % 5 for i in range(1, 26)]
    assert asha.answers(AnswerState.SECOND) == []


def test_back_and_change_keep_what_was_chosen(phone, served, asha):
    phone.goto(served + asha.address)
    tap(phone, 3)
    phone.get_by_role("link", name="Back", exact=True).click()
    assert phone.locator("input[value='3']").is_checked()
    tap(phone, 6)
    assert asha.values() == {("nrs", 0): 6}
    phone.go_back()
    phone.go_back()
    tap(phone, 4)
    assert asha.values()["nrs", 0] in {4, 6}


@pytest.mark.parametrize("language", locales.LANGUAGES)
@pytest.mark.parametrize("size", [PHONE, NARROW], ids=["360", "320"])
def test_no_page_scrolls_sideways_and_every_target_is_large(phone, served, asha, language, size):
    phone.set_viewport_size(size)
    query = f"lang={language}"
    for step in ("nrs", "pgic", "relief_percent", "csi-4", "csi-18"):
        _check_layout(phone, f"{served}{asha.address}?q={step}&{query}")
    for address in (f"/stop/{asha.token}", "/who", "/a/wrong"):
        _check_layout(phone, f"{served}{address}?{query}")
    _answer_all(asha)
    for said in ("", "&said=now", "&said=call"):
        _check_layout(phone, f"{served}{asha.address}/done?{query}{said}")


def _check_layout(page, address):
    page.goto(address)
    page.errors.clear()  # A page of status 410 is told as an error of the network.
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
    assert page.evaluate(NOT_48_PX) == [], address
    assert page.locator("h1").count() == 1


def _answer_all(one):
    for step, value in (("nrs", 3), ("pgic", 2), ("relief_percent", 60)):
        one.choose(step, value)
    for item in range(1, 26):
        one.choose(f"csi-{item}", 1)


def test_a_page_is_two_requests_to_this_host_only(phone, served, asha):
    phone.goto(served + asha.address, wait_until="networkidle")
    mine = [url for url in phone.requests if not url.startswith("data:")]
    assert len(mine) == 2
    assert all(url.startswith(served) for url in mine)


def test_the_keyboard_alone_answers(phone, served, asha):
    phone.goto(f"{served}{asha.address}?q=nrs")
    phone.locator(".languages a").last.focus()
    phone.keyboard.press("Tab")
    phone.keyboard.press("Space")
    for _ in range(4):
        phone.keyboard.press("ArrowRight")
    phone.keyboard.press("Tab")
    with phone.expect_navigation():
        phone.keyboard.press("Enter")
    assert asha.values() == {("nrs", 0): 4}


def test_what_a_screen_reader_hears_has_names_and_an_order(phone, served, asha):
    phone.goto(f"{served}{asha.address}?q=csi-7")
    group = phone.get_by_role("group", name=re.compile("7. How often is this a problem for you: light sensitivity"))
    assert group.get_by_role("radio").count() == 5
    assert group.get_by_role("radio", name="Sometimes").is_visible()
    phone.goto(f"{served}{asha.address}?q=relief_percent")
    assert phone.get_by_role("textbox", name=re.compile("By how many percent")).count() == 1
    phone.fill("input[name=answer]", "many")
    phone.locator("button.primary").click()
    phone.errors.clear()  # The answer 422 is told as an error of the network.
    alert = phone.get_by_role("alert")
    assert "Write one whole number from 0 to 100" in alert.inner_text()
    assert phone.locator("input[name=answer]").input_value() == "many"


def test_large_text_still_fits(phone, served, asha):
    def enlarged(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + "html{font-size:200%}")

    phone.context.route("**/patient.css*", enlarged)
    for step in ("nrs", "pgic", "csi-18"):
        for language in locales.LANGUAGES:
            phone.goto(f"{served}{asha.address}?q={step}&lang={language}")
            assert phone.evaluate("getComputedStyle(document.body).fontSize") == "32px"
            assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (step, language)


def test_the_link_is_over_after_the_window_even_on_an_open_page(phone, served, asha):
    phone.goto(served + asha.address)
    asha.at(asha.prompt.closes_at + timedelta(minutes=1))
    tap(phone, 3)
    phone.errors.clear()
    assert "was not saved" in phone.locator("main").inner_text()
    assert asha.answers() == []
