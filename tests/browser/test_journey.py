"""The whole main job in a real browser at 360x740: enrolment, text, answer on the phone, the clinician's chart."""

import os
import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect, sync_playwright

from tests import processes
from tests.conftest import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
PHONE = {"width": 360, "height": 740}
PASSWORDS = {"coordinator": "a calm and quiet knee", "clinician": "a calm and quiet back"}


@pytest.fixture
def clinic(tmp_path):
    instance = tmp_path / "instance"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROM_", "TWILIO_"))}
    running = processes.Clinic(instance, {**kept, "PROM_INSTANCE": str(instance), "PROM_DEMO": "1"})
    running.environment["PORT"] = str(running.port)
    running.environment["PROM_SEND_RATE"] = "1000"
    running.prom("init", "--label", "Asha Clinic")
    for role, password in PASSWORDS.items():
        processes.subprocess.run(
            [sys.executable, "-m", "prom", "user", "add", f"{role}@clinic.example", "--role", role, "--password-stdin"],
            input=password + "\n",
            env=running.environment,
            cwd=processes.ROOT,
            check=True,
            text=True,
            capture_output=True,
        )
    running.serve()
    yield running
    running.end()


@pytest.fixture
def browser():
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
        )
        yield running
        running.close()


class Person:
    """Somebody with a browser on a phone; a refused script or style fails the test."""

    def __init__(self, browser, base):
        self.base, self.refused = base, []
        self.page = browser.new_context(viewport=PHONE).new_page()
        self.page.on("console", lambda said: self.refused.append(said.text) if said.type == "error" else None)

    def goes(self, path):
        self.page.goto(self.base + path)

    def signs_in(self, role):
        self.goes("/login")
        self.page.get_by_label("E-mail address").fill(f"{role}@clinic.example")
        self.page.get_by_label("Password").fill(PASSWORDS[role])
        self.page.get_by_role("main").get_by_role("button", name="Sign in").click()

    def continues(self, name="Continue"):
        self.page.get_by_role("button", name=name, exact=True).click()

    def fits(self):
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        self.page.wait_for_load_state("networkidle")
        assert self.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], self.page.url
        assert self.refused == []


def _enrol(mina):
    page = mina.page
    mina.goes("/enrol")
    for name, value in {
        "record_number": "K-77",
        "first_name": "Asha",
        "last_name": "Sen",
        "phone": "90070 00277",
    }.items():
        page.locator(f"#{name}").fill(value)
    page.locator("input[name=consent_texts][value=yes]").check(force=True)
    page.locator("input[name=consent_data][value=yes]").check(force=True)
    page.locator("select[name=consent_method]").select_option("paper")
    mina.fits()
    mina.continues()
    page.locator("input[name=procedure][value=genicular_rfa]").check(force=True)
    page.locator("#target").fill("knee")
    page.locator("[name=side]").first.select_option("left")
    soon = datetime.now(ZoneInfo("Asia/Kolkata")) + timedelta(minutes=2)
    page.locator("#procedure_at").fill(soon.strftime("%Y-%m-%dT%H:%M"))
    mina.fits()
    mina.continues()
    page.locator("input[name=baseline_nrs][value='8']").check(force=True)
    for item in range(1, 26):
        page.locator(f"input[name=csi_{item:02d}][value='2']").check(force=True)
    mina.fits()
    mina.continues()
    mina.fits()
    mina.continues("Enrol")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Asha Sen")
    mina.fits()


def _step(phone, by, times=1):
    for _ in range(times):
        phone.page.get_by_role("button", name=by, exact=True).click()


def _answers(phone, text):
    phone.page.get_by_label("Text to the clinic").fill(text)
    phone.page.get_by_role("button", name="Send", exact=True).click()


def test_from_enrolment_to_the_clinicians_chart(clinic, browser):
    base = f"http://127.0.0.1:{clinic.port}"
    mina, phone, rao = (Person(browser, base) for _ in range(3))
    mina.signs_in("coordinator")
    expect(mina.page).to_have_url(base + "/todo")
    _enrol(mina)

    # An hour later the procedure is over, and Mina says so at the top of her page.
    phone.goes("/sim")
    _step(phone, "+1 hour")
    mina.goes("/todo")
    mina.page.get_by_role("button", name="Done").first.click()
    mina.fits()

    # The clock runs to the prompts of day 3, 7 and 14; Asha answers each.
    phone.goes("/sim/+919007000277")
    for reply in ("6", "3", "2"):
        _step(phone, "Next prompt")
        expect(phone.page.get_by_text("Average pain in your left knee").last).to_be_visible()
        _answers(phone, reply)
        expect(phone.page.get_by_text(f"We recorded pain {reply}").last).to_be_visible()
    phone.fits()

    rao.signs_in("clinician")
    rao.goes("/patients")
    rao.page.get_by_role("link", name="Asha Sen").first.click()
    expect(rao.page.get_by_role("heading", level=1)).to_contain_text("Asha Sen")
    rao.fits()
    verdict = rao.page.get_by_label("Verdict")
    expect(verdict).to_contain_text("8 → 2")
    expect(verdict).to_contain_text("75 %")
    expect(verdict).to_contain_text("CSI")
    expect(verdict).to_contain_text("50")
    rao.page.locator("figure").first.scroll_into_view_if_needed()
    expect(rao.page.locator("figure .js-plotly-plot").first).to_be_visible()
    expect(rao.page.locator("figure svg.main-svg").first).to_be_visible()
    rao.fits()
