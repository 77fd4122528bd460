"""Rows of episodes.csv as enrolments."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from prom.domain import instruments
from prom.services import enrolling, enrolments, watching
from prom.services.enrolments import Checked, Enrolment, EnrolmentError, Problem
from prom.services.importing_rows import Columns, ImportReport, Row
from prom.storage import audit, sites
from prom.storage.models import Episode, EpisodeState, Site, Source

CSI_COLUMNS = tuple(f"csi_{number:02d}" for number in range(1, instruments.CSI_ITEMS + 1))
COLUMNS = Columns(
    ("record_id", "site", "phone", "language", "time_zone", "procedure", "procedure_at"),
    (
        *("first_name", "last_name", "birth_year", "sex", "target", "side", "level", "indication", "baseline_nrs"),
        *("csi_total", "consent_sms_at"),
    ),
    together=CSI_COLUMNS,
)
CONSENT_VERSION = "imported"
METHOD = "import"
# A row that names no known site is refused; the rest of it is still looked at.
_ANY_SITE = Site(name="", label="", time_zone="UTC", key_sealed=b"")
# What an enrolment calls a thing, and the column it came from.
_COLUMN_OF = {"record_number": "record_id", "csi_items": "csi_01", "baseline_at": "baseline_nrs"}


@dataclass(slots=True)
class Loading:
    """One import of episodes: who does it, where they may, and the sites seen so far."""

    session: Session
    report: ImportReport
    actor: audit.Actor
    now: datetime
    site_ids: Collection[int] | None
    sites: dict[str, Site | None] = field(default_factory=dict)

    def store(self, rows: Iterable[Row]) -> None:
        """Check some rows, store what is sound, and report what became of each."""
        checked = [(row, one) for row in rows if (one := self._checked(row)) is not None]
        outcomes = enrolling.enrol_all(self.session, [one for _, one in checked], self.actor, self.now)
        new: list[Episode] = []
        for (row, _), outcome in zip(checked, outcomes, strict=True):
            self._told(row, outcome)
            if outcome.episode is not None and not outcome.same and not outcome.problems:
                new.append(outcome.episode)
        self.report.stored += len(new)
        done = [episode.id for episode in new if episode.state is EpisodeState.DONE]
        watching.refresh(self.session, done, self.now)

    def _told(self, row: Row, outcome: enrolling.Outcome) -> None:
        self.report.skipped_same += outcome.same
        for problem in outcome.problems:
            self.report.wrong(row.line, column_of(problem), problem.sentence)
        if not outcome.same:
            for problem in outcome.warnings:
                self.report.doubtful(row.line, column_of(problem), problem.sentence)

    def _checked(self, row: Row) -> Checked | None:
        mistakes = len(self.report.errors)
        site = self._site(row)
        given = _enrolment(row, self.now)
        try:
            one = enrolments.check(given, site or _ANY_SITE, self.now)
        except EnrolmentError as error:
            told = {column for line, column, _ in self.report.errors[mistakes:] if line == row.line}
            for problem in error.problems:
                # A cell that could not be read at all has been named already.
                if column_of(problem) not in told:
                    self.report.wrong(row.line, column_of(problem), problem.sentence)
            return None
        return one if len(self.report.errors) == mistakes else None

    def _site(self, row: Row) -> Site | None:
        name = row.needed("site")
        if not name:
            return None
        if name not in self.sites:
            site = sites.by_name(self.session, name)
            allowed = site is not None and (self.site_ids is None or site.id in self.site_ids)
            self.sites[name] = site if allowed else None
        if self.sites[name] is None:
            row.report.wrong(row.line, "site", f"there is no site {name!r}")
        return self.sites[name]


def column_of(problem: Problem) -> str:
    """Return the column of the file a problem belongs to."""
    return _COLUMN_OF.get(problem.field, problem.field)


def _enrolment(row: Row, now: datetime) -> Enrolment:
    items = tuple(row.whole(column) for column in CSI_COLUMNS)
    row.needed("procedure_at")
    return Enrolment(
        record_number=row.text("record_id"),
        procedure=row.text("procedure"),
        # A missing time is an error by now; any time lets the rest of the row be looked at.
        procedure_at=row.instant("procedure_at") or now,
        first_name=row.text("first_name"),
        last_name=row.text("last_name"),
        phone=row.text("phone"),
        language=row.text("language"),
        time_zone=row.text("time_zone"),
        birth_year=row.whole("birth_year"),
        sex=row.text("sex"),
        target=row.text("target"),
        side=row.text("side"),
        level=row.text("level"),
        indication=row.text("indication"),
        baseline_nrs=row.whole("baseline_nrs"),
        csi_items=items,
        csi_total=row.whole("csi_total"),
        consent_sms_at=row.instant("consent_sms_at"),
        consent_method=METHOD,
        consent_version=CONSENT_VERSION,
        done=None,
        source=Source.IMPORT,
    )
