"""Where to start in order to see every page: patients at each step of theirs, and what nothing links to."""

from prom.domain import procedures
from prom.services import plan_editing, signing_in
from prom.storage import audit
from prom.storage.models import InvitationKind
from tests import people
from tests.web.baseline import invited
from tests.web.patients import linked

# Nothing to look at: files, and answers for programs.
NO_PAGES = {
    "assets.favicon": "a picture",
    "assets.static_file": "styles, scripts and pictures",
    "security.static": "flask-security's own styles, which no page uses",
    "patient.calendar": "a calendar file",
    "patient.contact": "a contact card",
    "clinician.cohort_codebook": "a CSV file",
    "clinician.cohort_numbers": "a CSV file",
    "baseline.progress": "JSON for the page that waits for answers",
    "coordinator.test_text": "JSON for the page that waits for a test text",
    "health.healthz": "for programs",
    "health.readyz": "for programs",
    "health.metrics": "for programs",
    "signing_in.home": "leads on to the first page of a role",
    "baseline.nearest": "leads on to the baseline of the next procedure",
    "security.two_factor_rescue": "shut: there is no rescue by mail",
    "security.tf_select": "shut: there is one second step",
}
# Reached only on the way in, in a test of their own.
ON_THE_WAY_IN = {
    "security.two_factor_setup",
    "security.two_factor_token_validation",
    "security.mf_recovery",
    "security.verify",
}


def of_patients(app, wired, site, now):
    """Return an address of each kind of patients' page: asked, thanked, begun, finished, handed back, agreed, over."""
    asked = linked(app, wired, site, now, record_number="R-199", phone="+919007000199")
    thanked = linked(app, wired, site, now, enrol=people.chitra)
    thanked.choose("nrs", 3)
    later, consent = wired.clock.now(), InvitationKind.CONSENT

    def another(number, **more):
        who = {"record_number": f"R-{number}", "phone": f"+9190070{number:05d}"}
        return invited(app, wired, site, later, **who, **more)

    begun, finished, tablet = another(201), another(202), another(203, way="tablet")
    agree, handed = another(204, kind=consent), another(205, kind=consent, way="tablet")
    for number in range(1, 27):
        finished.choose(number, 1)
    for one in (tablet, handed):
        one.client.post(f"{one.address}/finish")
    return [
        *(asked.address, f"{thanked.address}/done", begun.address, f"{begun.address}/2", f"{finished.address}/done"),
        *(f"{tablet.address}/back", agree.address, f"{handed.address}/back", "/who", f"/a/{'x' * 26}"),
    ]


def of_staff(store, site, now, email):
    """Return the addresses that no page links to: a set-up link, a version of a plan, a simulated phone, no page."""
    with store.writing() as session:
        lines = plan_editing.lines(procedures.default_plan("genicular_rfa"))
        plan = plan_editing.save(
            session, site, "genicular_rfa", [one for one in lines if one.at][:-1], audit.COMMAND, now
        )
        token = signing_in.reset(session, email, audit.COMMAND, now)
    return {
        "public": ["/login", f"/setup/{token}", "/setup/none", "/none"],
        "admin": [f"/settings/schedules/versions/{plan.public_id}"],
        "coordinator": [f"/sim/{people.ASHA_PHONE}", "/patients/none"],
    }
