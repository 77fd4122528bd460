"""The enrolment form: three steps and a summary, all that was typed carried in the page from step to step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from types import MappingProxyType
from zoneinfo import ZoneInfo

from prom.domain import scoring
from prom.services.enrolments import Enrolment, Problem
from prom.storage.models import Purpose, Site
from prom.web import coordinator_forms
from prom.web.coordinator_blueprint import Errors
from prom.web.coordinator_blueprint import translated as _

CSI = tuple(f"csi_{number:02d}" for number in range(1, 26))
WHO = (
    "site",
    "record_number",
    "first_name",
    "last_name",
    "phone",
    "language",
    "time_zone",
    "birth_year",
    "sex",
    "consent_texts",
    "consent_data",
    "consent_on",
    "consent_method",
)
# What the page carries and nobody types: the test text sent to the phone.
CARRIED = ("test_text",)
PROCEDURE = ("procedure", "target", "side", "level", "indication", "procedure_at")
BASELINE = ("baseline_nrs", "baseline_at", *CSI, "csi_total")
STEPS: dict[int, tuple[str, ...]] = {1: WHO, 2: PROCEDURE, 3: BASELINE, 4: ()}
LONGEST = 200
NO_VERSIONS: Mapping[Purpose, str] = MappingProxyType({})
# What a service calls a field, and where it stands in the form.
_PLACES = {"consent_sms_at": "consent_on", "consent_data_at": "consent_on", "csi_items": CSI[0]}


@dataclass(slots=True)
class Typed:
    """What was typed so far."""

    values: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_form(cls, form: Mapping[str, str]) -> "Typed":
        """Return the fields of the form that belong to an enrolment, and nothing else."""
        names = (*WHO, *CARRIED, *PROCEDURE, *BASELINE)
        return cls({name: form.get(name, "")[:LONGEST] for name in names if name in form})

    def get(self, name: str, default: str = "") -> str:
        """Return one field as it was typed."""
        return self.values.get(name, default)

    def carried(self, step: int) -> list[tuple[str, str]]:
        """Return the fields that the page of a step must carry because it does not show them."""
        return [(name, value) for name, value in self.values.items() if name not in STEPS[step] and value]

    def csi(self) -> list[int | None] | None:
        """Return the CSI items as far as they were answered, or None when none was."""
        items = [_whole(self.get(name)) for name in CSI]
        return items if any(item is not None for item in items) else None


@dataclass(slots=True)
class Read:
    """An enrolment made from what was typed, with what could not even be read."""

    enrolment: Enrolment
    problems: list[Problem]


def _whole(typed: str) -> int | None:
    plain = typed.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 6 else None


def read(typed: Typed, site: Site, now: datetime, versions: Mapping[Purpose, str] = NO_VERSIONS) -> Read:
    """Return the enrolment that the form describes at the zone of the patient; `versions` are the consents read."""
    problems: list[Problem] = []
    zone = typed.get("time_zone") or site.time_zone

    def number(name: str) -> int | None:
        value = _whole(typed.get(name))
        if value is None and typed.get(name).strip():
            problems.append(Problem(name, _("must be a whole number")))
        return value

    procedure_at = _local(typed.get("procedure_at"), "procedure_at", problems)
    nrs, total = number("baseline_nrs"), number("csi_total")
    consent_at = _consent_at(typed, zone, now, problems)
    items = typed.csi()
    enrolment = Enrolment(
        record_number=typed.get("record_number"),
        procedure=typed.get("procedure"),
        procedure_at=procedure_at or now,
        site_id=site.id,
        first_name=typed.get("first_name"),
        last_name=typed.get("last_name"),
        phone=typed.get("phone"),
        language=typed.get("language"),
        time_zone=zone,
        birth_year=number("birth_year"),
        sex=typed.get("sex"),
        target=typed.get("target"),
        side=typed.get("side"),
        level=typed.get("level"),
        indication=typed.get("indication"),
        baseline_nrs=nrs,
        baseline_at=_baseline_at(typed, procedure_at, zone, now, problems),
        csi_items=items,
        csi_total=total,
        consent_sms_at=consent_at if typed.get("consent_texts") == "yes" else None,
        consent_data_at=consent_at if typed.get("consent_data") == "yes" else None,
        consent_method=typed.get("consent_method") or "paper",
        consent_version=versions.get(Purpose.TEXTING, "1"),
        consent_data_version=versions.get(Purpose.DATA_USE, ""),
        done=None,
    )
    return Read(enrolment, problems)


def _local(typed: str, name: str, problems: list[Problem]) -> datetime | None:
    """Return a local date and time, naive: the service reads it in the patient's zone."""
    if not typed.strip():
        return None
    try:
        at = datetime.fromisoformat(typed.strip())
    except ValueError:
        problems.append(Problem(name, _("must be a date with a time")))
        return None
    if at.tzinfo is not None or len(typed.strip()) < len("2026-01-01T00:00"):
        problems.append(Problem(name, _("must be a date with a time")))
        return None
    return at


def _consent_at(typed: Typed, zone: str, now: datetime, problems: list[Problem]) -> datetime:
    """Return when the consent was given: now for today, else noon of its day."""
    text = typed.get("consent_on").strip()
    try:
        on = coordinator_forms.day(text) if text else None
        today = now.astimezone(ZoneInfo(zone)).date()
    except coordinator_forms.FormError:
        problems.append(Problem("consent_on", _("must be a date")))
        return now
    except (KeyError, ValueError, OSError):
        # The zone is wrong, which is said at its own field.
        return now
    return now if on is None or on == today else datetime.combine(on, time(12))


def _baseline_at(
    typed: Typed, procedure_at: datetime | None, zone: str, now: datetime, problems: list[Problem]
) -> datetime | None:
    """Return when the baseline was asked: as typed, or now where the procedure is still ahead."""
    at = _local(typed.get("baseline_at"), "baseline_at", problems)
    asked = any(typed.get(name) for name in BASELINE if name != "baseline_at")
    if at is not None or not asked:
        return at
    try:
        ahead = procedure_at is None or procedure_at > now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except (KeyError, ValueError, OSError):
        ahead = True
    if ahead:
        return now
    problems.append(Problem("baseline_at", _("is needed: the procedure is past, and a baseline is from before it")))
    return None


def missing(typed: Typed, step: int) -> list[Problem]:
    """Return the choices of a step that nobody made."""
    found = []
    if step == 1:
        unsaid = [name for name in ("consent_texts", "consent_data") if typed.get(name) not in {"yes", "no"}]
        found = [Problem(name, _("choose yes or no")) for name in unsaid]
        agreed = "yes" in {typed.get("consent_texts"), typed.get("consent_data")}
        if agreed and typed.get("consent_method") not in {"paper", "tablet", "phone"}:
            found.append(Problem("consent_method", _("say how the consent was given")))
    if step == 2 and not typed.get("procedure_at").strip():
        found.append(Problem("procedure_at", _("is needed")))
    return found


def errors(problems: Iterable[Problem], names: Iterable[str] | None = None) -> Errors:
    """Return problems by the field of the form, each as a sentence; `names` keeps those of one step."""
    wanted = None if names is None else set(names)
    found: Errors = []
    for problem in problems:
        place = _PLACES.get(problem.field, problem.field)
        if wanted is None or place in wanted:
            found.append((place, sentence(place, problem.sentence)))
    return found


def sentence(place: str, words: str) -> str:
    """Return a problem as a sentence that names its field."""
    return f"{labels().get(place, place.replace('_', ' '))}: {words}{'' if words.endswith('.') else '.'}"


def labels() -> dict[str, str]:
    """Return what the fields of the form are called."""
    named = {
        "site": _("Site"),
        "record_number": _("Record number"),
        "first_name": _("First name"),
        "last_name": _("Last name"),
        "phone": _("Mobile phone"),
        "language": _("Language"),
        "time_zone": _("Time zone"),
        "birth_year": _("Year of birth"),
        "sex": _("Sex"),
        "consent_texts": _("Consent to texts"),
        "consent_data": _("Consent to the use of answers"),
        "consent_on": _("Date of consent"),
        "consent_method": _("How it was given"),
        "procedure": _("Procedure"),
        "target": _("Target"),
        "side": _("Side"),
        "level": _("Level"),
        "indication": _("Indication"),
        "procedure_at": _("Date and time"),
        "baseline_nrs": _("Pain before"),
        "baseline_at": _("Baseline asked at"),
        "csi_total": _("CSI total"),
    }
    return named | {name: _("CSI item %(number)s", number=int(name[4:])) for name in CSI}


@dataclass(frozen=True, slots=True)
class Sum:
    """What the CSI items come to so far; `words` says it as the bounds rule allows."""

    answered: int
    lowest: int
    highest: int
    band: str | None


def csi_sum(typed: Typed) -> Sum | None:
    """Return the sum of the CSI items so far, or None when none is given or one is impossible."""
    items = typed.csi()
    if items is None:
        return None
    try:
        result = scoring.csi(items)
    except ValueError:
        return None
    return Sum(sum(item is not None for item in items), result.min_total, result.max_total, result.severity)
