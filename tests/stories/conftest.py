"""A simulated clinic whose time the stories move."""

from datetime import timedelta

import pytest

from prom import config
from prom.clock import Clock
from prom.messaging.simulated import SimulatedGateway
from prom.services import enrolling, planning, simulating
from prom.services.enrolments import Enrolment
from prom.storage import audit, patients
from prom.storage.models import Episode


class Story:
    """One clinic with its phones; what a patient texts is answered at once."""

    def __init__(self, world, site, now):
        self.world, self.site = world, site
        self.world.clock.move_to(now)

    @property
    def now(self):
        return self.world.clock.now()

    def enrol(self, number=0, *, procedure_in_days=8, **more):
        phone = f"+9190070002{number:02d}"
        values = {
            "record_number": f"R-{number}",
            "procedure": "genicular_rfa",
            "procedure_at": self.now + timedelta(days=procedure_in_days),
            "site_id": self.site.id,
            "first_name": "Asha",
            "last_name": "Sen",
            "phone": phone,
            "language": "en",
            "time_zone": "Asia/Kolkata",
            "target": "knee",
            "side": "left",
            "baseline_nrs": 8,
            "csi_items": [2] * 25,
            "consent_sms_at": self.now,
            "consent_data_at": self.now,
        }
        with self.world.store.writing() as session:
            episode = enrolling.enrol(session, Enrolment(**{**values, **more}), audit.COMMAND, self.now)
            patient = session.get(type(episode), episode.id).patient_id
            return episode.id, patients.phone(session, session.get(patients.Patient, patient))

    def done(self, episode_id):
        with self.world.store.writing() as session:
            planning.mark_done(session, session.get(Episode, episode_id), self.now, audit.COMMAND, self.now)

    def wait(self, **time):
        return simulating.step_to(self.world, self.now + timedelta(**time))

    def texts(self, phone):
        return [bubble.body for bubble in self.world.gateway.thread(phone) if not bubble.is_own]

    def says(self, phone, text, num_media=0):
        self.world.gateway.text(phone, text, num_media)
        simulating.settle(self.world, self.now)
        return self.texts(phone)

    def reading(self):
        return self.world.store.reading()

    def writing(self):
        return self.world.store.writing()


@pytest.fixture
def story(store, instance, site, now):
    settings = config.read({"PROM_INSTANCE": str(instance), "PROM_SEND_RATE": "1000"})
    clock = Clock(instance, movable=True)
    gateway = SimulatedGateway(instance / "simulated.db", clock.now)
    yield Story(simulating.World(store, gateway, settings, clock), site, now)
    gateway.close()
