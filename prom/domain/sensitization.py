"""The baseline sensitization record, and the banner that lists what it holds: evidence, never a diagnosis.

Peripheral sensitization shows at the site (nociceptors with a lowered threshold), central sensitization beyond it (an
amplified response far from the injury). The banner says which way the recorded findings lean and lists them; what was
not looked for is listed too, because an empty record is no evidence.

Sources:
    [S] Neblett 2013 (J Pain 14:438): CSI >= 40. Wolfe 2016 (Semin Arthritis Rheum 46:319): widespread pain index >= 7
        with symptom severity >= 5, or 4-6 with >= 9. Freynhagen 2006 (Curr Med Res Opin 22:1911): painDETECT >= 19
        neuropathic pain likely. Bouhassira 2005 (Pain 114:29): DN4 >= 4. Kroenke 2009 (Psychosomatics 50:613):
        PHQ-4 >= 6.
    [P] Which finding leans which way, a gain of 2 points as raised temporal summation, and a pressure threshold that
        does not rise as reduced conditioned modulation: our own definition, version 1. No cut-off in kPa is used: the
        published norms depend on device, site, age and sex.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum

from prom.domain.scoring import CsiResult

BANNER_VERSION = "1"
RAISED_SUMMATION_POINTS = 2.0
NEUROPATHIC_PAINDETECT = 19
NEUROPATHIC_DN4 = 4
RAISED_PHQ4 = 6
WIDESPREAD_RULES = ((7, 19, 5), (4, 6, 9))
RANGES = {
    "ppt_site_kpa": (0, 5000),
    "ppt_remote_kpa": (0, 5000),
    "temporal_summation": (-10, 10),
    "conditioned_modulation": (-100, 1000),
    "widespread_pain": (0, 19),
    "symptom_severity": (0, 12),
    "paindetect": (0, 38),
    "dn4": (0, 10),
    "phq4": (0, 12),
}
# Forms that are sums of whole points; the other numbers are measured and may have decimals.
WHOLE = frozenset({"widespread_pain", "symptom_severity", "paindetect", "dn4", "phq4"})
_NUMBER = re.compile(r"[+-]?\d{1,5}(\.\d{1,6})?")


class NotDone(StrEnum):
    """An explicit "not done", told apart from a field that nobody has filled in (None)."""

    NOT_DONE = "not_done"


class Sign(StrEnum):
    """Where an exam sign was found."""

    NONE = "none"
    SITE = "site"
    BEYOND = "beyond"


class YesNo(StrEnum):
    """A plain yes or no."""

    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True)
class SensitizationRecord:
    """What was looked for before the procedure. Every field is optional, with an explicit "not done".

    `ppt_*` are pressure pain thresholds in kPa, `temporal_summation` the pain points gained over a train of stimuli,
    `conditioned_modulation` the change of the pressure threshold in percent during the conditioning stimulus.
    """

    csi: CsiResult | NotDone | None = None
    brush_allodynia: Sign | NotDone | None = None
    pinprick_hyperalgesia: Sign | NotDone | None = None
    static_pressure: Sign | NotDone | None = None
    cold_heat: Sign | NotDone | None = None
    after_sensation: Sign | NotDone | None = None
    ppt_site_kpa: float | NotDone | None = None
    ppt_remote_kpa: float | NotDone | None = None
    temporal_summation: float | NotDone | None = None
    conditioned_modulation: float | NotDone | None = None
    widespread_pain: int | NotDone | None = None
    symptom_severity: int | NotDone | None = None
    paindetect: int | NotDone | None = None
    dn4: int | NotDone | None = None
    phq4: int | NotDone | None = None
    opioids: YesNo | NotDone | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if isinstance(value, int | float) and not low <= value <= high:
                raise ValueError(f"{name} {value} is outside {low}-{high}")


def number(name: str, text: str) -> float:
    """Return a typed number of a field, or raise ValueError when it is none, has decimals or is out of range.

    A comma may stand for the decimal point, as most of the world writes it.
    """
    low, high = RANGES[name]
    plain = text.strip().replace(",", ".").replace("\N{MINUS SIGN}", "-")
    if not _NUMBER.fullmatch(plain):
        raise ValueError(f"{name}: {text!r} is not a number")
    value = float(plain)
    if name in WHOLE and not value.is_integer():
        raise ValueError(f"{name}: {text!r} is not a whole number")
    if not low <= value <= high:
        raise ValueError(f"{name} {value:g} is outside {low}-{high}")
    return value


class Leaning(StrEnum):
    """Which way a finding points."""

    PERIPHERAL = "peripheral"
    CENTRAL = "central"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One recorded finding in words, and which way it points."""

    leaning: Leaning
    words: str


class Phenotype(StrEnum):
    """What the banner says about the findings together."""

    PERIPHERAL_LEANING = "peripheral-leaning"
    MIXED = "mixed"
    CENTRAL_LEANING = "central-leaning"
    NOT_ENOUGH = "no finding leans either way"


@dataclass(frozen=True, slots=True)
class Banner:
    """The leaning of a record, the findings behind it, and the fields marked not done or left empty."""

    phenotype: Phenotype
    evidence: tuple[Evidence, ...]
    not_done: tuple[str, ...]
    not_recorded: tuple[str, ...]


# Pressure and heat or cold at the site are the signs of primary hyperalgesia; the others at the site can be either.
_SIGNS = {
    "brush_allodynia": ("dynamic brush allodynia", Leaning.NEITHER),
    "pinprick_hyperalgesia": ("pinprick hyperalgesia", Leaning.NEITHER),
    "static_pressure": ("static pressure pain", Leaning.PERIPHERAL),
    "cold_heat": ("cold or heat pain", Leaning.PERIPHERAL),
    "after_sensation": ("after-sensation", Leaning.NEITHER),
}


def _csi_evidence(record: SensitizationRecord) -> Iterator[Evidence]:
    if not isinstance(record.csi, CsiResult):
        return
    result = record.csi
    told = result.total if result.total is not None else f"{result.min_total}-{result.max_total}"
    match result.ge40:
        case True:
            yield Evidence(Leaning.CENTRAL, f"CSI {told}: many symptoms related to sensitization (40 or more)")
        case False:
            yield Evidence(Leaning.NEITHER, f"CSI {told}: fewer symptoms related to sensitization (below 40)")
        case None:
            yield Evidence(Leaning.NEITHER, f"CSI {told}: open on both sides of 40, items are missing")


def _sign_evidence(record: SensitizationRecord) -> Iterator[Evidence]:
    for name, (words, leaning_at_site) in _SIGNS.items():
        match getattr(record, name):
            case Sign.BEYOND:
                yield Evidence(Leaning.CENTRAL, f"{words} beyond the site")
            case Sign.SITE:
                yield Evidence(leaning_at_site, f"{words} at the site only")
            case Sign.NONE:
                yield Evidence(Leaning.NEITHER, f"{words} looked for and not found")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _testing_evidence(record: SensitizationRecord) -> Iterator[Evidence]:
    summation, modulation = _number(record.temporal_summation), _number(record.conditioned_modulation)
    if summation is not None:
        raised = summation >= RAISED_SUMMATION_POINTS
        leaning = Leaning.CENTRAL if raised else Leaning.NEITHER
        yield Evidence(leaning, f"temporal summation {summation:+.1f} points{' (raised)' if raised else ''}")
    if modulation is not None:
        reduced = modulation <= 0
        leaning = Leaning.CENTRAL if reduced else Leaning.NEITHER
        yield Evidence(leaning, f"conditioned modulation {modulation:+.0f} %{' (reduced)' if reduced else ''}")
    for name, where in (("ppt_site_kpa", "at the site"), ("ppt_remote_kpa", "remote")):
        threshold = _number(getattr(record, name))
        if threshold is not None:
            yield Evidence(Leaning.NEITHER, f"pressure pain threshold {where} {threshold:.0f} kPa (no norm applied)")


def _questionnaire_evidence(record: SensitizationRecord) -> Iterator[Evidence]:
    widespread, severity = _number(record.widespread_pain), _number(record.symptom_severity)
    if widespread is not None and severity is not None:
        met = any(low <= widespread <= high and severity >= least for low, high, least in WIDESPREAD_RULES)
        told = f"widespread pain index {widespread:.0f}, symptom severity {severity:.0f}"
        yield Evidence(Leaning.CENTRAL if met else Leaning.NEITHER, told + (" (2016 criteria met)" if met else ""))
    for name, label, least, meaning in (
        ("paindetect", "painDETECT", NEUROPATHIC_PAINDETECT, "neuropathic pain likely"),
        ("dn4", "DN4", NEUROPATHIC_DN4, "neuropathic pain likely"),
        ("phq4", "PHQ-4", RAISED_PHQ4, "mood raised: CSI also tracks mood"),
    ):
        value = _number(getattr(record, name))
        if value is not None:
            yield Evidence(Leaning.NEITHER, f"{label} {value:.0f}" + (f" ({meaning})" if value >= least else ""))
    if record.opioids is YesNo.YES:
        yield Evidence(Leaning.NEITHER, "opioid use")


def banner(record: SensitizationRecord) -> Banner:
    """Return which way the recorded findings lean, with the list of them: evidence, never a diagnosis."""
    evidence = (
        *_csi_evidence(record),
        *_sign_evidence(record),
        *_testing_evidence(record),
        *_questionnaire_evidence(record),
    )
    leanings = {finding.leaning for finding in evidence}
    names = [field.name for field in fields(record)]
    return Banner(
        phenotype=_phenotype(peripheral=Leaning.PERIPHERAL in leanings, central=Leaning.CENTRAL in leanings),
        evidence=evidence,
        not_done=tuple(name for name in names if getattr(record, name) is NotDone.NOT_DONE),
        not_recorded=tuple(name for name in names if getattr(record, name) is None),
    )


def _phenotype(*, peripheral: bool, central: bool) -> Phenotype:
    match peripheral, central:
        case True, True:
            return Phenotype.MIXED
        case True, False:
            return Phenotype.PERIPHERAL_LEANING
        case False, True:
            return Phenotype.CENTRAL_LEANING
    return Phenotype.NOT_ENOUGH
