"""The synthetic clinic of the demo: a year of patients, lived through the services with a moving clock.

Nothing is written behind the services' back: patients are enrolled, procedures marked done, texts sent to simulated
phones and answered from them, so that the seed is an end-to-end run of the product. The planted truth is that relief
is lost earlier with a higher CSI.
"""

import heapq
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from prom import clock as clocks
from prom.clock import Clock
from prom.config import Settings
from prom.messaging.simulated import SimulatedGateway
from prom.services import acting, comparing, enrolling, planning, signing_in, simulating
from prom.services.acting import Person
from prom.services.enrolments import Enrolment
from prom.storage import audit, episodes, patients, rehearsal, sites, staff
from prom.storage.models import Episode, Role
from prom.storage.session import Store, engine_for

Progress = Callable[[int, int], None]
DAYS = 365
READY = "demo-ready"
SEED = 20260302
PASSWORDS = {
    "coordinator": "quiet knees coordinator",
    "clinician": "quiet knees clinician",
    "admin": "quiet knees admin",
}
SIGN_INS = tuple((f"{role}@demo.example", password, role) for role, password in PASSWORDS.items())
TARGETS = {"genicular_rfa": "knee", "medial_branch_rfa": "lumbar facet", "epidural_steroid": "lumbar"}


@dataclass(order=True, slots=True)
class _Happening:
    at: datetime
    number: int
    what: str = field(compare=False)
    person: Person = field(compare=False)
    text: str = field(compare=False, default="")


def clear(settings: Settings) -> None:
    """Throw an old demo away."""
    for path in (*settings.instance.glob("prom.db*"), *settings.instance.glob("simulated.db*")):
        path.unlink()
    shutil.rmtree(settings.instance / "keys", ignore_errors=True)
    for name in (clocks.OFFSET_FILE, READY):
        (settings.instance / name).unlink(missing_ok=True)


def build(store: Store, gateway: object, settings: Settings, clock: Clock, count: int, progress: Progress) -> None:
    """Seed the demo unless it is there already: a year of `count` patients that ends today."""
    assert isinstance(gateway, SimulatedGateway)
    if (settings.instance / READY).exists():
        progress(1, 1)
        return
    today = clocks.wall().replace(minute=0, second=0, microsecond=0)
    # A killed seed is thrown away and made again, so that it need not wait for the disk 20,000 times.
    quick = Store(engine_for(settings.database_url, synced=False), store.vault)
    _accounts(quick, today)
    _Year(simulating.World(quick, gateway, settings, clock), today, count, progress).live()
    with quick.writing() as session:
        comparing.refresh_snapshots(session, today)
    quick.engine.dispose()
    (settings.instance / READY).touch()


def _accounts(store: Store, now: datetime) -> None:
    with store.writing() as session:
        site = sites.by_name(session, "main") or sites.add(session, "main", "Asha Clinic", "Asia/Kolkata")
        site.phone = "+913340001000"
        session.add(site)
        for email, password, role in SIGN_INS:
            account = staff.add(session, email, role.title(), Role(role), None if role == "admin" else site.id, now)
            account.password = signing_in.hash_password(password)


class _Year:
    """Twelve months of a clinic: what will happen, in order of time."""

    def __init__(self, world: simulating.World, today: datetime, count: int, progress: Progress) -> None:
        self.world, self.today, self.progress = world, today, progress
        self.chance = random.Random(SEED)  # noqa: S311 - synthetic patients, not secrets
        self.coming: list[_Happening] = []
        self.number = 0
        self.by_phone: dict[str, Person] = {}
        self.read: set[int] = set()
        self.start = today - timedelta(days=DAYS)
        for index in range(count):
            self._invent(index, count)

    def _invent(self, index: int, count: int) -> None:
        share = (index + self.chance.random()) / count
        procedure_at = self.start + timedelta(days=9 + share * (DAYS + 4))
        procedure_at = procedure_at.replace(hour=self.chance.randint(4, 10), minute=self.chance.choice((0, 15, 30, 45)))
        person = acting.invent(index, procedure_at, self.chance)
        self.by_phone[person.phone] = person
        self._plan(procedure_at - timedelta(days=8), "enrol", person)
        if procedure_at < self.today:
            self._plan(procedure_at + timedelta(hours=1), "done", person)

    def _plan(self, at: datetime, what: str, person: Person, text: str = "") -> None:
        self.number += 1
        heapq.heappush(self.coming, _Happening(at, self.number, what, person, text))

    def live(self) -> None:
        """Step from happening to happening until today."""
        now = self.start
        self.world.clock.move_to(now)
        while now < self.today:
            now = max(now, min(self._next_stop(), self.today))
            simulating.step_to(self.world, now)
            while self.coming and self.coming[0].at <= now:
                self._happen(heapq.heappop(self.coming), now)
            self._texted(now)
            # The clock runs on while people text: what they sent just now is due a moment later.
            later = self.world.clock.now()
            simulating.settle(self.world, later)
            self._texted(later)
            self.progress(int((now - self.start).total_seconds()), int((self.today - self.start).total_seconds()))

    def _next_stop(self) -> datetime:
        """Return when somebody acts or a text leaves: an answer may follow either within minutes."""
        stops = [self.coming[0].at] if self.coming else []
        due = simulating.next_prompt(self.world)
        return min([*stops, *([due] if due else [])], default=self.today)

    def _texted(self, now: datetime) -> None:
        """Let everybody who got a question just now think about an answer."""
        with self.world.store.reading() as session:
            asked = [
                (patients.phone(session, episodes.patient_of(session, _episode(session, prompt.episode_id))), message)
                for message, prompt in rehearsal.texts_accepted_at(session, now)
                if message.id not in self.read
            ]
        self.read |= {message.id for _, message in asked}
        for phone, message in asked:
            person = self.by_phone[phone or ""]
            answer = acting.answer(person, message.question, now, self.chance)
            if answer is not None:
                self._plan(now + answer.after, "text", person, answer.text)

    def _happen(self, happening: _Happening, now: datetime) -> None:
        person = happening.person
        match happening.what:
            case "enrol":
                self._enrol(person, now)
            case "done":
                with self.world.store.writing() as session:
                    episode = session.get_one(Episode, person.episode_id)
                    planning.mark_done(session, episode, person.procedure_at, audit.COMMAND, now)
            case _:
                self.world.gateway.text(person.phone, happening.text)

    def _enrol(self, person: Person, now: datetime) -> None:
        with self.world.store.writing() as session:
            site = sites.by_name(session, "main")
            assert site is not None
            enrolment = Enrolment(
                record_number=f"P{1200 + person.index}",
                procedure=person.procedure,
                procedure_at=person.procedure_at,
                site_id=site.id,
                first_name=person.first_name,
                last_name=person.last_name,
                phone=person.phone,
                language=person.language,
                time_zone="Asia/Kolkata",
                birth_year=person.birth_year,
                sex=person.sex,
                target=TARGETS[person.procedure],
                side=person.side,
                indication="osteoarthritis" if person.procedure == "genicular_rfa" else "spinal",
                baseline_nrs=person.baseline,
                baseline_at=now,
                csi_items=person.csi_items,
                consent_sms_at=now,
                consent_data_at=now,
            )
            person.episode_id = enrolling.enrol(session, enrolment, audit.COMMAND, now).id


def _episode(session: Session, episode_id: int) -> Episode:
    return session.get_one(Episode, episode_id)
