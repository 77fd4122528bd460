"""No English is left on a Hindi or Bengali page of a patient, and no digits but the page's own."""

import re

import pytest

from prom.storage.models import InvitationKind
from tests import people
from tests.web.baseline import invited
from tests.web.patients import linked, text

# Names of things that are the same in every language: the clinic's label, the switch, words to send, a product.
SAME = r"Asha Clinic|English|STOP|START|WhatsApp|A\+|\(Roman\)|Hindi|Bangla"


def left(page):
    """Return Latin words and digits that a reader would see or hear."""
    shown = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)
    heard = " ".join(re.findall(r'(?:aria-label|data-none|title)="([^"]*)"', shown))
    shown = re.sub(r"<[^>]*>", " ", shown)
    return re.findall("[A-Za-z0-9]+", re.sub(SAME, " ", re.sub("&[a-z#0-9]+;", " ", f"{shown} {heard}")))


@pytest.fixture
def bikash(app, wired, site, now):
    """Return Bikash's open link of day 90: every kind of question."""
    return linked(app, wired, site, now, "d90", people.bikash, csi_items=None)


@pytest.mark.parametrize("code", ["hi", "bn"])
def test_answer_pages(bikash, code):
    for path in ("", "?q=nrs", "?q=pgic", "?q=relief_percent", *(f"?q=csi-{item}" for item in range(1, 26))):
        page = text(bikash.page(f"{path}{'&' if path else '?'}lang={code}&read=1&big=1"))
        assert left(page) == [], path
    for what in ("choices", "choices?said=when"):
        assert left(text(bikash.page(f"/{what}{'&' if '?' in what else '?'}lang={code}"))) == [], what
    wrong = bikash.client.post(f"{bikash.address}?lang={code}", data={"q": "nrs"})
    assert left(text(wrong)) == []


@pytest.mark.parametrize("code", ["hi", "bn"])
def test_thanks_stop_who_and_over(app, wired, site, now, code):
    one = linked(app, wired, site, now, "d30", people.bikash)
    for step, value in (("nrs", 3), ("pgic", 2), ("relief_percent", 50)):
        one.choose(step, value)
    for said in ("", "&said=note", "&said=call", "&said=now", "&said=care"):
        assert left(text(one.page(f"/done?lang={code}{said}"))) == [], said
    for path in (f"/stop/{one.token}?said=withdrawn&", "/who?", f"/b/{'x' * 30}?", f"/c/{'x' * 30}?"):
        assert left(text(one.client.get(f"{path}lang={code}"))) == [], path
    one.client.post(f"/stop/{one.token}")
    assert left(text(one.client.get(f"/stop/{one.token}?lang={code}"))) == []


@pytest.mark.parametrize("code", ["hi", "bn"])
def test_baseline_consent_and_hand_back(app, wired, site, now, code):
    one = invited(app, wired, site, now, way="tablet")
    pages = [text(one.page(f"?lang={code}"))]
    for number in range(1, 27):
        pages.append(text(one.page(f"/{number}?lang={code}")))
        one.choose(number, 1)
    pages.append(text(one.page(f"/done?lang={code}")))
    one.client.post(one.address + "/finish")
    pages.append(text(one.page(f"/back?lang={code}")))
    consent = invited(app, wired, site, now, InvitationKind.CONSENT, enrol=people.bikash)
    pages += [text(consent.page(f"?lang={code}{said}")) for said in ("", "&said=yes-texting", "&said=no-texting")]
    assert [left(page) for page in pages if left(page)] == []


@pytest.mark.parametrize("code", ["hi", "bn"])
def test_printed_sheets(app, wired, site, now, client_as, code):
    one = invited(app, wired, site, now)
    mina = client_as("coordinator")
    for what in ("csi", "consent"):
        page = text(mina.get(f"/patients/{one.patient.public_id}/print/{what}?lang={code}"))
        # A version is a name: it is written as staff wrote it.
        assert set(left(page)) <= {"1"}, what
