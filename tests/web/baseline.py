"""A patient with an open invitation, for the tests of the baseline and consent pages."""

import re
from dataclasses import dataclass

from prom.services import inviting
from prom.storage import answers, audit, episodes
from prom.storage.models import InvitationKind, Patient
from tests import people

PATHS = {InvitationKind.BASELINE: "b", InvitationKind.CONSENT: "c"}


@dataclass
class Invited:
    """One invitation with its link, and what the tests ask of the database about it."""

    app: object
    wired: object
    episode: object
    patient: Patient
    invitation: object
    token: str

    @property
    def address(self):
        return f"/{PATHS[self.invitation.kind]}/{self.token}"

    @property
    def client(self):
        return self.app.test_client()

    def page(self, path="", **more):
        return self.client.get(self.address + path, **more)

    def choose(self, number, value, query="", **data):
        """Answer a screen as the page's own form would."""
        shown = self.page(f"/{number}").get_data(as_text=True)
        held = re.search(r'name="seen" value="([^"]*)"', shown)
        seen = held.group(1) if held else ""
        return self.client.post(f"{self.address}/{number}{query}", data={"answer": str(value), "seen": seen} | data)

    def values(self):
        with self.wired.store.reading() as session:
            rows = answers.current(session, self.episode.id)
        return {(row.instrument, row.item): row.value for row in rows}


def invited(app, wired, site, now, kind=InvitationKind.BASELINE, way="qr", enrol=people.asha, **changes):
    """Enrol somebody without a baseline and invite them to a page."""
    with wired.store.writing() as session:
        episode = enrol(session, site, now, **({"baseline_nrs": None, "csi_items": None} | changes))
        patient = episodes.patient_of(session, episode)
        about = episode if kind is InvitationKind.BASELINE else None
        made = inviting.invite(session, patient, about, kind, way, audit.COMMAND, now)
        token = inviting.token(session, made)
    return Invited(app, wired, episode, patient, made, token)
