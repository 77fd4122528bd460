"""The help page: what is published about sensitization and relief, and the definitions of the pages in words.

Sources:
    The studies are named beside their findings; the definitions are those of prom/domain/relief.py, scoring.py and
    procedures.py, whose numbers are read from there.
"""

from flask import render_template
from flask.typing import ResponseReturnValue

from prom.domain import procedures, relief, scoring
from prom.web import guards
from prom.web.clinician_blueprint import blueprint
from prom.web.clinician_blueprint import translated as _

Rows = tuple[tuple[str, ...], ...]


@blueprint.get("/help", endpoint="help")
@guards.needs(guards.Permission.SIGNED_IN)
def help_page() -> ResponseReturnValue:
    """Show what is known, with its sources, and the definitions in words."""
    return render_template(
        "clinician/help.html",
        version=relief.DEFINITION_VERSION,
        known=_known(),
        pain_terms=_pain_terms(),
        state_terms=_state_terms(),
        chart_terms=_chart_terms(),
        procedures=tuple(procedures.PROCEDURES.values()),
        bands=scoring.BANDS,
        sources=_sources(),
    )


def _known() -> Rows:
    return (
        (
            _("Genicular radiofrequency with joint injection"),
            "37",
            _("CSI of 40 or more went with less relief at 3 months (beta −2.1 points, 95 % CI −3.1 to −1.1)."),
            "Başarı 2026, Ağrı 38:29",
        ),
        (
            _("Transforaminal epidural steroid"),
            "65",
            _("CSI of 40 or more went with more pain at 3 weeks and at 3 months."),
            "Şahin 2024, J Back Musculoskelet Rehabil 37:1749",
        ),
        (
            _("Thoracic or lumbar fusion"),
            "664",
            _("A higher CSI before surgery went with more disability and a worse quality of life after it."),
            "Bennett 2017, World Neurosurg 104:594",
        ),
        (
            _("Spinal pain, surgery and other treatment"),
            "496",
            _("CSI of 40 or more went with less satisfaction and fewer patients reaching a clear improvement."),
            _(
                "“Prevalence of central sensitisation associated symptoms and associations with treatment outcomes …”, "
                "one centre, 2020 to 2023; authors and journal not confirmed"
            ),
        ),
        (
            _("Total knee replacement"),
            _("5 studies"),
            _("Signs of central sensitization went with more pain afterwards (SMD 0.65, 95 % CI 0.40 to 0.90)."),
            "Kim 2022, Diagnostics 12:1248",
        ),
        (
            _("Total knee replacement"),
            "222",
            _("More pain with CSI of 40 or more, but the same share reached a clear improvement."),
            "Koh 2020, J Arthroplasty 35:2044",
        ),
        (
            _("Medial branch radiofrequency"),
            "55",
            _("No difference in back pain by a fibromyalgia score; the study was small."),
            "Morffi 2019, Reg Anesth Pain Med 44:730",
        ),
        (
            _("Spinal cord stimulation"),
            "24",
            _("The other way round: those who gained more had more temporal summation before."),
            "Campbell 2015, Pain Med (pilot study)",
        ),
    )


def _pain_terms() -> Rows:
    return (
        (_("Pain"), _("0 no pain to 10 worst imaginable: average of the last 24 hours. Lower is better.")),
        (
            _("Before"),
            _("The mean of the answers from 14 days before the procedure up to its start, never asked from memory."),
        ),
        (
            _("Relief"),
            _("The fall from before, in percent of before. 30 % or 2 points is moderate, 50 % or 4 points much."),
        ),
        (
            _("Low baseline"),
            _("Pain below 4 before the procedure is charted and counted apart: its percentages jump too easily."),
        ),
        (_("Day"), _("Calendar days since the procedure; the first answer of a day counts.")),
    )


def _state_terms() -> Rows:
    return (
        (_("Response"), _("The first answer with at least 50 % relief inside the response window.")),
        (
            _("Bad answer"),
            _("Relief below the threshold and at least 2 points above the lowest answer since the window opened."),
        ),
        (
            _("Relief lost"),
            _(
                "A bad answer at least 2 days after the first bad one, with no good answer between; also an explant "
                "for lost effect, or a repeat or surgery after a bad answer. Told as an interval: last held, then lost."
            ),
        ),
        (_("Flare"), _("Bad answers that a good one ended before they were confirmed.")),
        (_("Loss suspected"), _("A bad answer that nothing has confirmed yet; a confirming question is planned.")),
        (_("Worse than before"), _("At least 2 points above the pain before the procedure (or 10): told at once.")),
        (
            _("Not known"),
            _("No answer near the horizon is never a success: it makes the best and the worst case."),
        ),
    )


def _chart_terms() -> Rows:
    return (
        (_("Rings"), _("Answers below the limit after a response. Lines show before, 30 % and 50 % relief.")),
        (_("Grey bands"), _("Similar patients: middle half and middle 80 %, only from 12 answers a time point.")),
        (_("Dashed line"), _("It crosses a question that was missed; the marks below say whether we failed to send.")),
        (_("Steps"), _("Share still in relief (Kaplan–Meier). A loss falls where the answer showed it.")),
        (_("Boxes"), _("The estimate between visits (Turnbull): inside a box the day of the loss is not known.")),
        (_("No p value"), _("Groups below 10 patients or 5 losses are listed, never tested.")),
    )


def _sources() -> tuple[str, ...]:
    return (
        "Dworkin 2008, J Pain 9:105 (IMMPACT); Farrar 2001, Pain 94:149",
        "Neblett 2013, J Pain 14:438; Neblett 2017, Pain Pract 17:166",
        "Snyder 2017 and 2019; Morris 2019, BMJ Open 9:e030215 (KMunicate)",
        "Turnbull 1976; Wilson 1927, JASA 22:209",
    )
