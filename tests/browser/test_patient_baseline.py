"""The baseline, consent and choices pages in real Chromium: slow network, reloads, no script, the clinic's tablet."""

import pytest

from prom.services import inviting
from prom.storage import audit
from prom.storage.models import InvitationKind
from prom.web import locales
from tests import people
from tests.browser import serving
from tests.browser.test_access import mistakes, violations
from tests.browser.test_patient_pages import NARROW, NOT_48_PX, PHONE, SLOW_3G, tap
from tests.web.baseline import invited
from tests.web.conftest import PASSWORD, app, client_as, password_hash, wired  # noqa: F401 - the same app, served
from tests.web.patients import linked

pytestmark = pytest.mark.browser


@pytest.fixture
def served(app):  # noqa: F811
    """Serve the app on a free port and return its address."""
    with serving.served(app) as found:
        yield found


@pytest.fixture
def phone(browser):
    """Return a page as a small phone shows it, without JavaScript, and without cookies as some in-app browsers are."""
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.requests = []
    page.on("request", lambda request: page.requests.append(request.url))
    yield page
    assert context.cookies() == []
    context.close()


@pytest.fixture
def asha(app, wired, site, now):  # noqa: F811
    """Return Asha's invitation to the baseline."""
    return invited(app, wired, site, now)


def test_a_whole_baseline_on_a_slow_network_reloaded_half_way_loses_nothing(phone, served, asha):
    network = phone.context.new_cdp_session(phone)
    network.send("Network.emulateNetworkConditions", SLOW_3G)
    phone.goto(served + asha.address)
    phone.get_by_role("link", name="Start").click()
    tap(phone, 7)
    for item in range(1, 26):
        phone.wait_for_url(f"**/{item + 1}")
        if item == 13:
            phone.goto(served + asha.address)
            phone.reload()
        assert phone.locator("h1").inner_text().startswith(f"{item}. ")
        if item == 16:
            phone.locator("button[name=skip]").click()
        else:
            tap(phone, item % 5)
    assert phone.url.endswith("/done")
    expected = {("csi", item): None if item == 16 else item % 5 for item in range(1, 26)}
    assert asha.values() == expected | {("nrs", 0): 7}


def test_a_page_is_three_requests_at_most_and_all_to_this_host(phone, served, asha):
    for query, most in (("", 2), ("?read=1&big=1", 3)):
        phone.requests.clear()
        phone.goto(f"{served}{asha.address}/2{query}", wait_until="networkidle")
        mine = [url for url in phone.requests if not url.startswith("data:")]
        assert len(mine) <= most
        assert all(url.startswith(served) for url in mine)


def checked(page, address):
    """Return what is wrong with the layout of a page at one size."""
    page.goto(address)
    found = [f"small: {each}" for each in page.evaluate(NOT_48_PX)]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        found.append("scrolls sideways")
    if page.locator("h1").count() != 1:
        found.append("not one h1")
    return [f"{address}: {words}" for words in found]


@pytest.fixture
def links(app, wired, site, now, asha):  # noqa: F811
    """Return the addresses of all pages of this file."""
    prompt = linked(app, wired, site, now, enrol=people.bikash)
    wired.clock.move_to(now)
    with wired.store.writing() as session:
        made = inviting.invite(session, asha.patient, None, InvitationKind.CONSENT, "qr", audit.COMMAND, now)
        consent = inviting.address(session, made, "")
    asha.choose(1, 7)
    asha.choose(2, 1)
    return [f"{asha.address}/{number}" for number in (1, 2, 5, 25)] + [consent, f"/stop/{prompt.token}"]


@pytest.mark.parametrize("language", locales.LANGUAGES)
def test_every_page_fits_is_valid_and_passes_axe_in_every_language(browser, served, links, language):
    context = browser.new_context(viewport=PHONE, bypass_csp=True)
    page, found = context.new_page(), []
    for path in links:
        for query in (f"?lang={language}", f"?lang={language}&big=1&read=1"):
            for size in (PHONE, NARROW):
                page.set_viewport_size(size)
                found += checked(page, f"{served}{path}{query}")
            found += [f"{path}{query}: {words}" for words in violations(page)]
            found += [f"{path}{query}: {words}" for words in mistakes(context.request.get(page.url).text())]
    context.close()
    assert found == []


@pytest.mark.parametrize("language", locales.LANGUAGES)
def test_the_choices_fit_are_valid_and_pass_axe(app, wired, site, now, browser, served, language):  # noqa: F811
    one = linked(app, wired, site, now)
    context = browser.new_context(viewport=PHONE, bypass_csp=True)
    page = context.new_page()
    found = []
    for size in (PHONE, NARROW):
        page.set_viewport_size(size)
        found += checked(page, f"{served}{one.address}/choices?lang={language}&said=when")
    found += violations(page) + mistakes(context.request.get(page.url).text())
    context.close()
    assert found == []


def test_the_tablet_goes_from_staff_to_patient_and_shows_nothing_afterwards(browser, served, asha, client_as):  # noqa: F811
    client_as("coordinator")
    context = browser.new_context(viewport={"width": 800, "height": 1100})
    page = context.new_page()
    page.goto(f"{served}/login")
    page.fill("#email", "coordinator@clinic.example")
    page.fill("#password", PASSWORD)
    page.locator("main button[type=submit]").click()
    place = f"{served}/patients/{asha.patient.public_id}/baseline/{asha.episode.public_id}"
    page.goto(place)
    page.get_by_role("button", name="Use this tablet").click()
    page.get_by_role("link", name="Start").click()
    for number in range(1, 27):
        page.wait_for_url(f"**/{number}")
        tap(page, 1)
    page.get_by_role("button", name="Finish").click()
    assert "hand the tablet back" in page.locator("h1").inner_text()
    for _ in range(30):
        if page.go_back() is None or page.url.endswith("/login"):
            break
        assert page.locator("input[name=answer]").count() == 0, page.url
        assert "Asha Das" not in page.locator("body").inner_text(), page.url
    page.goto(place)
    assert "/login" in page.url
    context.close()


def test_staff_see_the_answers_come_in_by_themselves(browser, served, asha, client_as):  # noqa: F811
    client_as("coordinator")
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served}/login")
    page.fill("#email", "coordinator@clinic.example")
    page.fill("#password", PASSWORD)
    page.locator("main button[type=submit]").click()
    page.goto(f"{served}/patients/{asha.patient.public_id}/baseline/{asha.episode.public_id}")
    assert page.get_by_text("0 of 26 answered").is_visible()
    asha.choose(1, 7)
    page.get_by_text("1 of 26 answered").wait_for(timeout=10_000)
    context.close()


def test_reading_aloud_offers_a_button_only_where_the_phone_can(browser, served, asha, phone):
    address = f"{served}{asha.address}/1?read=1"
    phone.goto(address)
    assert not phone.locator("#speak").is_visible(), "no script, no button"
    context = browser.new_context(viewport=PHONE)
    context.add_init_script("""
      window.said = [];
      window.SpeechSynthesisUtterance = function (text) { this.text = text; };
      Object.defineProperty(window, "speechSynthesis", { value: {
        getVoices: () => [{ lang: "en-IN" }], speak: (one) => window.said.push(one.text), cancel: () => {}, speaking: false,
        addEventListener: () => {} } });
    """)
    page = context.new_page()
    page.goto(address)
    assert page.locator("#speak").is_visible()
    said = page.evaluate("window.said")
    assert said[0].startswith("How much pain did you have in your left knee")
    assert "English" not in " ".join(said)
    page.goto(f"{address}&lang=bn")
    assert "কণ্ঠ নেই" in page.locator("#speak").inner_text()
    context.close()
