"""Which of our columns a column of a clinic's file is: proposed by its name, decided by a person.

Clinics export from other systems: "MRN" is the record number there, "Mobile" the phone. A proposal is made only where
one column of ours fits; the person who imports sees it and may change it.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from prom.services.importing_rows import Columns

# Names that other systems use, without spaces and signs, for one of our columns.
SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "record_id": ("mrn", "uhid", "hospitalno", "hospitalnumber", "recordno", "recordnumber", "patientid", "regno"),
        "first_name": ("forename", "givenname", "firstname", "name"),
        "last_name": ("surname", "familyname", "lastname"),
        "phone": ("mobile", "mobileno", "mobilenumber", "cell", "cellphone", "phoneno", "phonenumber", "telephone"),
        "language": ("lang", "preferredlanguage"),
        "time_zone": ("timezone", "tz"),
        "birth_year": ("yearofbirth", "yob", "birthyear"),
        "sex": ("gender",),
        "procedure": ("proc", "operation", "intervention", "proceduretype"),
        "procedure_at": ("procedureat", "proceduredate", "proceduretime", "dateofprocedure", "scheduledat", "date"),
        "target": ("targetsite", "joint"),
        "side": ("laterality",),
        "indication": ("diagnosisgroup",),
        "baseline_nrs": ("baselinepain", "baselinenrs", "painbefore", "nrsbefore"),
        "csi_total": ("csi", "csitotal", "csiscore"),
        "consent_sms_at": ("consent", "consentat", "consentdate", "smsconsent", "smsconsentat"),
        "answered_at": ("answeredat", "answertime", "completedat", "timestamp"),
        "instrument": ("questionnaire", "scale"),
        "item": ("itemno", "itemnumber", "question"),
        "value": ("score", "answer", "response"),
        "kind": ("event", "eventtype"),
        "on": ("eventdate", "happenedon"),
    }
)
_SIGNS = re.compile(r"[^a-z0-9]+")
_CSI_ITEM = re.compile(r"csi(?:part)?a?(?:item|q)?0?(\d{1,2})")


def proposals(header: Sequence[str], columns: Columns) -> dict[str, str]:
    """Return for each name of a file's header our column, or empty where none fits or two would be the same."""
    found = {name: _proposal(name, columns.known) for name in header}
    taken = [column for column in found.values() if column]
    return {name: column if taken.count(column) == 1 else _exact(name, column) for name, column in found.items()}


def _exact(name: str, column: str) -> str:
    # Of two names for one column the exact one wins; the other is left to a person.
    return column if name == column else ""


def _proposal(name: str, known: Sequence[str]) -> str:
    if name in known:
        return name
    plain = _SIGNS.sub("", name.casefold())
    for column in known:
        if plain == _SIGNS.sub("", column) or plain in SYNONYMS.get(column, ()):
            return column
    item = _CSI_ITEM.fullmatch(plain)
    column = f"csi_{int(item[1]):02d}" if item else ""
    return column if column in known else ""
