"""A REDCap server as far as a project's set-up and records go: its rules for names, events and values, as documented.

Its clients are foreign programs (PyCap); what they read back is what was imported.
"""

import csv
import io
import json
import re

from tests.doubles.http_server import HttpServer, Reply

TOKEN = "0" * 32
LABELS = (
    "Variable / Field Name,Form Name,Section Header,Field Type,Field Label,"
    '"Choices, Calculations, OR Slider Labels",Field Note,Text Validation Type OR Show Slider Number,'
    "Text Validation Min,Text Validation Max,Identifier?,Branching Logic (Show field only if...),Required Field?,"
    "Custom Alignment,Question Number (surveys only),Matrix Group Name,Matrix Ranking?,Field Annotation"
)
NAMES = (
    *("field_name", "form_name", "section_header", "field_type", "field_label", "select_choices_or_calculations"),
    *("field_note", "text_validation_type_or_show_slider_number", "text_validation_min", "text_validation_max"),
    *("identifier", "branching_logic", "required_field", "custom_alignment", "question_number", "matrix_group_name"),
    *("matrix_ranking", "field_annotation"),
)
KEYS = ("record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
FIELD = re.compile(r"[a-z](?:_?[a-z0-9])*")
LONGEST_FIELD = 26
LONGEST_UNIQUE_EVENT = 18


class RefusedError(Exception):
    """What REDCap would not import, in words."""


class Redcap:
    """One longitudinal project of one arm."""

    def __init__(self):
        self.fields, self.events, self.pairs, self.repeating, self.records = [], [], [], [], []
        self.server = HttpServer(self._answer)
        self.server.start()

    @property
    def url(self):
        return f"{self.server.url}/api/"

    def _answer(self, asked):
        fields = dict(asked.fields)
        assert fields["token"] == TOKEN
        try:
            answer = self._import(fields) if "data" in fields else self._export(fields)
        except RefusedError as error:
            answer, status = json.dumps({"error": str(error)}), 400
        else:
            status = 200
        return Reply(status, answer.encode())

    def _import(self, fields):
        rows = list(csv.reader(io.StringIO(fields["data"])))
        count = {
            "metadata": self._take_fields,
            "event": self._take_events,
            "formEventMapping": self._take_pairs,
            "repeatingFormsEvents": self._take_repeating,
            "record": self._take_records,
        }[fields["content"]](rows)
        return json.dumps({"count": count} if fields["content"] == "record" else count)

    def _export(self, fields):
        kept = {
            "metadata": self.fields,
            "event": self.events,
            "formEventMapping": self.pairs,
            "repeatingFormsEvents": self.repeating,
            "record": self.records,
            "exportFieldNames": [{"export_field_name": one["field_name"]} for one in self.fields],
        }[fields["content"]]
        if fields["format"] == "json":
            return json.dumps(kept)
        out = io.StringIO()
        writer = csv.DictWriter(out, list(kept[0]) if kept else [])
        writer.writeheader()
        writer.writerows(kept)
        return out.getvalue()

    def _take_fields(self, rows):
        check(rows[0] == next(csv.reader([LABELS])), "this is no data dictionary")
        self.fields = [dict(zip(NAMES, row, strict=True)) for row in rows[1:]]
        names = [one["field_name"] for one in self.fields]
        forms = [one["form_name"] for one in self.fields]
        check(names[0] == "record_id", "the first field names the record")
        check(len(set(names)) == len(names), "a field is there twice")
        starts = [form for place, form in enumerate(forms) if form not in forms[:place]]
        check(sorted(forms, key=starts.index) == forms, "the fields of a form do not stand together")
        for one in self.fields:
            name = one["field_name"]
            check(FIELD.fullmatch(name) and len(name) <= LONGEST_FIELD, f"{name} would be renamed")
            check(not name.startswith("redcap_") and name not in {f"{form}_complete" for form in starts}, name)
            check(one["field_type"] == "text" and one["field_label"], f"{name} has no type or label")
            check(one["text_validation_type_or_show_slider_number"] in {"", "integer", "number"}, f"{name}: validation")
            check(one["identifier"] in {"", "y"}, f"{name}: identifier")
        return len(names)

    def _take_events(self, rows):
        self.events = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
        for one in self.events:
            unique = re.sub(r"[^a-z0-9_]", "", one["event_name"].lower().replace(" ", "_"))[:LONGEST_UNIQUE_EVENT]
            check(one["unique_event_name"] == f"{unique.rstrip('_')}_arm_{one['arm_num']}", one["event_name"])
        check(len({one["unique_event_name"] for one in self.events}) == len(self.events), "an event is there twice")
        check(len({one["day_offset"] for one in self.events}) == len(self.events), "two events on one day")
        return len(self.events)

    def _take_pairs(self, rows):
        check(rows[0] == ["arm_num", "unique_event_name", "form"], "this is no mapping")
        self.pairs = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
        for one in self.pairs:
            check(one["unique_event_name"] in self._names_of_events(), one["unique_event_name"])
            check(one["form"] in {field["form_name"] for field in self.fields}, one["form"])
        return len(self.pairs)

    def _take_repeating(self, rows):
        check(rows[0] == ["event_name", "form_name", "custom_form_label"], "these are no repeating events")
        self.repeating = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
        check({one["event_name"] for one in self.repeating} <= self._names_of_events(), "no such event")
        return len(self.repeating)

    def _names_of_events(self):
        return {one["unique_event_name"] for one in self.events}

    def _take_records(self, rows):
        found = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
        known = {one["field_name"]: one for one in self.fields}
        check(set(rows[0]) <= set(known) | set(KEYS), f"unknown {set(rows[0]) - set(known) - set(KEYS)}")
        check(len(set(rows[0])) == len(rows[0]), "a column is there twice")
        for row in found:
            self._check_record(row, known)
        slots = [tuple(row.get(key, "") for key in KEYS) for row in found]
        check(len(set(slots)) == len(slots), "a record is there twice")
        for row in found:
            slot = [row.get(key, "") for key in KEYS]
            same = next((one for one in self.records if [one[key] for key in KEYS] == slot), None)
            if same is None:
                same = dict.fromkeys((*KEYS, *known), "") | dict(zip(KEYS, slot, strict=True))
                self.records.append(same)
            same |= {name: value for name, value in row.items() if value}
        return len(found)

    def _check_record(self, row, known):
        event, instance = row["redcap_event_name"], row.get("redcap_repeat_instance", "")
        check(event in self._names_of_events(), f"no event {event}")
        repeats = event in {one["event_name"] for one in self.repeating}
        check(bool(instance) == repeats, f"{event}: an instance belongs to repeating events only")
        check(not instance or instance.isdecimal(), instance)
        here = {one["form"] for one in self.pairs if one["unique_event_name"] == event}
        for name, value in row.items():
            if name not in KEYS and value:
                field = known[name]
                check(field["form_name"] in here, f"{name} is not asked at {event}")
                check(valid(field, value), f"{name}: {value!r} is not valid")


def valid(field, value):
    """Tell whether a value passes its field's validation."""
    kind = field["text_validation_type_or_show_slider_number"]
    if not kind:
        return True
    if not re.fullmatch(r"-?\d+" if kind == "integer" else r"-?\d+(\.\d+)?", value, re.ASCII):
        return False
    low, high = field["text_validation_min"], field["text_validation_max"]
    return (not low or float(value) >= float(low)) and (not high or float(value) <= float(high))


def check(holds, words):
    """Raise RefusedError unless something holds."""
    if not holds:
        raise RefusedError(words)
