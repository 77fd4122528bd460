"""What the sensitization page calls its fields, their choices, and what is wrong with what was typed."""

from prom.domain import sensitization
from prom.services import sensitizing
from prom.services.sensitizing import NOT_DONE, Problem, Wrong
from prom.web import coordinator_choices
from prom.web.clinician_blueprint import translated as _

Options = list[tuple[str, str]]


def labels() -> dict[str, str]:
    """Return the names of the fields."""
    return {
        "csi": "CSI",
        "csi_digits": _("25 digits at once"),
        "csi_total": _("Total only"),
        "brush_allodynia": _("Dynamic brush allodynia"),
        "pinprick_hyperalgesia": _("Pinprick hyperalgesia"),
        "static_pressure": _("Static pressure pain"),
        "cold_heat": _("Cold or heat pain"),
        "after_sensation": _("After-sensation"),
        "ppt_site_kpa": _("Pressure pain threshold at the site (kPa)"),
        "ppt_remote_kpa": _("Pressure pain threshold, remote (kPa)"),
        "temporal_summation": _("Temporal summation (points gained)"),
        "conditioned_modulation": _("Conditioned pain modulation (% change)"),
        "widespread_pain": _("Widespread pain index"),
        "symptom_severity": _("Symptom severity"),
        "paindetect": "painDETECT",
        "dn4": "DN4",
        "phq4": "PHQ-4",
        "opioids": _("Opioid use"),
        "indication": _("Indication"),
        "technique": _("Technique"),
        "image_guidance": _("Image guidance"),
        "found_on": _("Day of the examination or the form"),
        "reason": _("Why is it changed?"),
    }


def hints() -> dict[str, str]:
    """Return what the number fields take."""
    found = {name: _("%(low)s to %(high)s", low=low, high=high) for name, (low, high) in sensitization.RANGES.items()}
    return found | {
        "temporal_summation": _("Pain points gained over the train, −10 to 10"),
        "conditioned_modulation": _("Change of the threshold, −100 to 1000 %"),
        "technique": _("For example: cooled, 4 needles"),
    }


def options() -> dict[str, Options]:
    """Return the choices of each field: not recorded first, "not done" last."""
    none, not_done = ("", _("not recorded")), (NOT_DONE, _("not done"))
    sign = [("none", _("none found")), ("site", _("at the site")), ("beyond", _("beyond the site"))]
    guidance = [
        ("fluoroscopy", _("fluoroscopy")),
        ("ultrasound", _("ultrasound")),
        ("ct", "CT"),
        ("none", _("no image")),
    ]
    indications = [one for one in coordinator_choices.indications() if one[0]]
    own = dict.fromkeys(sensitizing.SIGNS, sign) | {
        "opioids": [("yes", _("yes")), ("no", _("no"))],
        "indication": indications,
        "image_guidance": guidance,
    }
    return {name: [none, *choices, not_done] for name, choices in own.items()}


def groups() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the cards of the page: key, title, fields."""
    return [
        ("signs", _("Examination"), sensitizing.SIGNS),
        ("testing", _("Quantitative sensory testing"), sensitizing.TESTING),
        ("forms", _("Questionnaires and opioids"), (*sensitizing.FORMS, "opioids")),
        ("facts", _("Procedure"), sensitizing.FACTS),
    ]


def problem(one: Problem) -> str:
    """Return what is wrong with a field."""
    low, high = sensitization.RANGES.get(one.field, (0, 100 if one.field == "csi_total" else 4))
    known = {
        Wrong.RANGE: _("Write a number from %(low)s to %(high)s.", low=low, high=high),
        Wrong.WHOLE: _("Write a whole number from %(low)s to %(high)s.", low=low, high=high),
        Wrong.CHOICE: _("Choose from the list."),
        Wrong.LONG: _("Too long."),
        Wrong.REASON: _("Something recorded is changed or removed: say why."),
        Wrong.DAY: _("Write a date."),
        Wrong.DAY_NEEDED: _("The procedure is over: say on which day before it this was found."),
        Wrong.DAY_AFTER: _("This day lies after the procedure: it is no finding from before it."),
        Wrong.DAY_OLD: _("This day lies more than a year before the procedure."),
        Wrong.DAY_FUTURE: _("This day lies in the future."),
        Wrong.DIGITS: _("Write 25 signs: 0 to 4 for each item, X for one left open."),
        Wrong.TWO_WAYS: _("Give the 25 digits or the total, not both."),
        Wrong.ITEMS_KNOWN: _("The items are known: the total follows from them."),
        Wrong.CSI_KNOWN: _("There are answers: strike them out before it counts as not done."),
        Wrong.OVER: _("The procedure is over: only a clinician may copy in findings from before it."),
    }
    return known[one.wrong]
