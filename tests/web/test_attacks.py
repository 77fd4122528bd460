"""What attackers type: every form of every role with scripts, huge numbers, odd signs and nothing at all."""

import pytest

from tests.web import attacked, crawling

# Signing out would end the walk; set-up links are for nobody who is signed in.
NOT_SENT = frozenset({"security.logout", "account.end_others", "signing_in.setup"})
TYPED = frozenset(
    [
        "text",
        "textarea",
        "hidden",
        "date",
        "datetime-local",
        "number",
        "tel",
        "input",
        "email",
        "search",
        "time",
        "month",
        "password",
        "checkbox",
        "radio",
    ]
)
LEAKS = (attacked.SCRIPT, "<img src=x", str(7919 * 7907))
WEIRD = ("9" * 5000, "9999-12-31T23:59")


def starts(clinic):
    ids, tokens = clinic.ids, clinic.tokens
    found = [
        "/",
        "/todo",
        "/clinic",
        "/patients",
        "/enrol",
        "/enrol/list",
        "/cohort",
        "/reports",
        "/data",
        "/me",
        "/me/security",
        "/settings",
    ]
    found += [
        "/admin/users",
        "/admin/sites",
        "/admin/audit",
        "/admin/system",
        "/data/export/identified",
        "/emergency-access",
    ]
    found += [
        f"/settings/{one}" for one in ["channel", "consents", "messages", "page-texts", "questionnaires", "wordings"]
    ]
    found += ["/settings/messages/nrs/en", "/settings/schedules/genicular_rfa"]
    found += [f"/settings/schedules/versions/{ids['plan']}", f"/patients/{ids['patient']}/answers/{ids['answer']}"]
    tails = [
        "messages",
        "schedule",
        "history",
        "sensitization",
        "treatments",
        "merge",
        "consents",
        "print",
        "print/csi",
        "print/consent",
    ]
    for patient in (ids["patient"], ids["waiting"]):
        found += [f"/patients/{patient}", *(f"/patients/{patient}/{tail}" for tail in tails)]
    found += [f"/patients/{ids['waiting']}/baseline/{ids['planned']}"]
    found += [f"/tasks/{one}" for name, one in ids.items() if name.startswith("task")]
    found += [f"/a/{tokens['a']}{tail}" for tail in ("", "/done", "/choices", "/next.ics")]
    found += [f"/stop/{tokens['a']}", f"/b/{tokens['b']}", f"/b/{tokens['b']}/1", f"/b/{tokens['b']}/3"]
    return [*found, f"/c/{tokens['c']}", "/who"]


def forms(app, pages):
    """Return each kind of form of some pages once, with where it goes."""
    found = {}
    for path, page in pages.items():
        if page.mimetype != "text/html":
            continue
        for form in crawling.read(page.get_data(as_text=True)).forms:
            action = crawling.urljoin(path, form.action or path)
            kind = crawling.shape(app, action)
            if kind is not None and kind[0] not in NOT_SENT:
                found.setdefault((kind[0], form.method, tuple(form.names())), (form, action))
    return list(found.values())


def tries(form):
    """Return what is typed into a form: the same in all fields, and the oddest of it in each field alone."""
    free = [name for name in form.names(*TYPED) if name != "csrf_token"]
    yield {}
    for value in attacked.NASTY:
        yield form.filled(**dict.fromkeys(free, value))
    for name in free[:2]:
        for value in WEIRD:
            yield form.filled(**{name: value})


def check(answer, what):
    body = answer.get_data()
    answer.close()
    assert answer.status_code < 500, what
    assert "X-Injected" not in answer.headers, what
    if answer.mimetype == "text/html":
        page = body.decode()
        for leak in LEAKS:
            assert leak not in page, (what, page[max(0, page.find(leak) - 80) :][:200])
        assert answer.headers["Cache-Control"] == "no-store", what
        assert "script-src 'self';" in answer.headers["Content-Security-Policy"], what


@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ["coordinator", "clinician", "admin"])
def test_no_form_breaks_or_shows_what_was_typed_as_code(app, client_as, store, site, now, role):
    clinic = attacked.clinic(store, site, now)
    client = client_as(role)
    pages = crawling.crawl(app, client, starts(clinic))
    for form, action in forms(app, pages):
        for data in tries(form):
            told = {name: str(value)[:40] for name, value in list(data.items())[:8]}
            check(crawling.send(client, form, action, data), (form.method, action, told))
    for reader in ("coordinator", "clinician", "admin", "auditor"):
        for path, page in crawling.crawl(app, client_as(reader), starts(clinic)).items():
            check(page, (reader, path))
