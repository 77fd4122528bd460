"""House rules that a linter does not know."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path for path in [*ROOT.glob("prom/**/*.py"), *ROOT.glob("jobs/**/*.py")] if "versions" not in path.parts
)
TESTS = sorted(ROOT.glob("tests/**/*.py"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=_name)
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_only_the_clock_module_reads_the_time():
    reads = re.compile(r"datetime\.now\(|datetime\.utcnow\(|date\.today\(|time\.time\(")
    guilty = [_name(path) for path in SOURCES if path.name != "clock.py" and reads.search(path.read_text("utf-8"))]
    assert guilty == []


def test_only_storage_writes_queries():
    query = re.compile(r"^from (sqlmodel|sqlalchemy) import .*\b(select|update|insert|delete|text)\b", re.MULTILINE)
    guilty = [
        _name(path)
        for path in SOURCES
        if "storage" not in path.parts and query.search(path.read_text(encoding="utf-8"))
    ]
    assert guilty == []


def test_queries_never_commit():
    guilty = [
        _name(path)
        for path in (ROOT / "prom" / "storage").glob("*.py")
        if re.search(r"session\.(commit|rollback)\(", path.read_text(encoding="utf-8"))
    ]
    assert guilty == []


def test_no_instant_is_bound_bare_in_text():
    for path in SOURCES:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "bindparams":
                assert not [word.arg for word in call.keywords if str(word.arg).endswith(("_at", "now"))], _name(path)


def test_model_modules_do_not_use_future_annotations():
    for path in (ROOT / "prom" / "storage" / "models").glob("*.py"):
        assert "from __future__" not in path.read_text(encoding="utf-8")


NUMERIC = [
    *(
        ROOT / "prom" / "domain" / f"{name}.py"
        for name in (
            "baselines",
            "procedures",
            "relief",
            "scoring",
            "sensitization",
            "timetable",
            "trajectories",
            "instruments",
        )
    ),
    *(
        ROOT / "prom" / "statistics" / f"{name}.py"
        for name in (
            "survival",
            "cox",
            "rmst",
            "intervals",
            "competing",
            "responders",
            "mixed",
            "landmark",
            "guards",
        )
    ),
]


@pytest.mark.parametrize("path", NUMERIC, ids=_name)
def test_every_module_with_clinical_numbers_names_its_sources(path):
    assert "Sources:" in (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")


def test_every_setting_is_documented():
    documented = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    names = set(re.findall(r'"((?:PROM|TWILIO)_[A-Z_]+)"', (ROOT / "prom" / "config.py").read_text(encoding="utf-8")))
    assert names
    assert {name for name in names if f"`{name}`" not in documented} == set()


def test_help_answers_at_once():
    heavy = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "prom", "--help"], capture_output=True, text=True, check=True
    ).stderr
    for module in ("flask", "sqlmodel", "sqlalchemy", "numpy", "plotly", "twilio", "pydantic"):
        assert not re.search(rf"\| +{module}$", heavy, re.MULTILINE), module


def test_domain_imports_only_the_standard_library():
    for path in (ROOT / "prom" / "domain").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                assert top == "prom" or top in sys.stdlib_module_names, f"{_name(path)}: {name}"


def test_every_template_is_used():
    used = "\n".join(path.read_text(encoding="utf-8") for path in [*SOURCES, *ROOT.glob("prom/templates/**/*.html")])
    for template in (ROOT / "prom" / "templates").glob("**/*.html"):
        name = str(template.relative_to(ROOT / "prom" / "templates"))
        assert name in used or name.startswith("security/"), name


def test_no_template_has_inline_style_or_script():
    for template in (ROOT / "prom" / "templates").glob("**/*.html"):
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text), template.name
        for script in re.findall(r"<script[^>]*>", text):
            assert "src=" in script or 'type="application/json"' in script, template.name


def test_no_page_names_a_foreign_host():
    for path in [
        *ROOT.glob("prom/templates/**/*.html"),
        *ROOT.glob("prom/static/*.css"),
        ROOT / "prom/static/charts.js",
    ]:
        assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?(https?:)?//", path.read_text(encoding="utf-8")), path.name


def test_every_public_function_has_a_docstring():
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{_name(path)}: {node.name}"


def test_every_module_imports():
    for path in SOURCES:
        if "migrations" not in path.parts and path.name != "__main__.py":
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
