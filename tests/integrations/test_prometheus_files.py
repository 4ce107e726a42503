"""What we ship for Prometheus, without a server: the tools that read these files accept
them, they are what the MIB says, and every alert has a test that saw it fire."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from lab import mib
from prom import SHIPPED, contract

pytestmark = pytest.mark.quick
TREE = Path(__file__).resolve().parents[2]
OLD, NEW = "snmp-0.22.yml", "snmp.yml"
# How snmp_exporter shows what the MIB calls by these names.
TYPES = {"Counter32": "counter", "Counter64": "counter", "CounterBasedGauge64": "gauge",
         "Gauge32": "gauge", "Unsigned32": "gauge", "INTEGER": "gauge", "TruthValue": "gauge",
         "TownMeterAdminStatus": "gauge", "TownMeterQuotaState": "gauge",
         "TownMeterQuotaBasis": "gauge", "DateAndTime": "DateAndTime", "BITS": "Bits",
         "SnmpAdminString": "DisplayString"}
NAMES = [{"labelname": "townMeterTownName", "type": "DisplayString"},
         {"labelname": "townMeterHostName", "type": "DisplayString"}]
CHAIN = {"labelname": "townMeterTotalChain", "type": "EnumAsInfo",
         "enum_values": {number: name for name, number in mib.CHAINS.items()}}
SERVICE = [{"labelname": "townMeterServiceName", "type": "DisplayString"}]
INDEXES = {"Total": [CHAIN], "Town": NAMES[:1], "Host": NAMES, "Service": SERVICE,
           "TownService": NAMES[:1] + SERVICE, "HostService": NAMES + SERVICE, None: None}
MODULES = ["townmeter", "townmeter_info", "townmeter_services"]


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tool(*argv, cwd=SHIPPED):
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def modules(name):
    """The modules of one of the two files without what says how to connect."""
    whole = load(SHIPPED / name)
    found = whole["modules"] if name == NEW else whole
    return {module: {k: v for k, v in what.items() if k not in ("auth", "version")}
            for module, what in found.items()}


def syntaxes():
    """{name: the type that the MIB gives it}"""
    text = (TREE / "mibs" / "TOWNMETER-MIB.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^(townMeter\w+) OBJECT-TYPE\s+SYNTAX (\w+)", text, re.M))


def test_snmp_yml_is_what_the_generator_makes(tmp_path):
    tool(SHIPPED / "make-snmp-yml", tmp_path, cwd="/")
    for name in (OLD, NEW):
        assert load(tmp_path / name) == load(SHIPPED / name), \
            f"{name} is not up to date: run make-snmp-yml"


def test_the_two_forms_say_the_same():
    assert modules(OLD) == modules(NEW)
    assert set(load(SHIPPED / NEW)) == {"auths", "modules"}
    assert load(SHIPPED / NEW)["auths"]["townmeter"]["version"] == 2
    for module in load(SHIPPED / OLD).values():
        assert (module["version"], module["auth"]) == (2, {"community": "public"})


def test_the_exporter_reads_its_form():
    version = tool("prometheus-snmp-exporter", "--version")
    old = int(re.search(r"version 0\.(\d+)\.", version)[1]) <= 22
    tool("prometheus-snmp-exporter", "--dry-run", f"--config.file={OLD if old else NEW}")


@pytest.mark.parametrize("module", MODULES)
def test_every_metric_is_an_object_of_the_mib(module):
    known, syntax = contract(), syntaxes()
    metrics = modules(NEW)[module]["metrics"]
    assert len({m["name"] for m in metrics}) == len(metrics) > 10
    for metric in metrics:
        oid, table = known[metric["name"]]
        assert metric["oid"] == mib.show(oid)[1:], metric["name"]
        assert metric["type"] == TYPES[syntax[metric["name"]]], metric["name"]
        assert metric.get("indexes") == INDEXES[table], metric["name"]
        assert "lookups" not in metric


@pytest.mark.parametrize("module", MODULES)
def test_what_is_asked_for_is_shown_and_no_more(module):
    what, known = modules(NEW)[module], contract()
    tables = {m["oid"] for m in what["metrics"] if known[m["name"]][1]}
    assert set(what["walk"]) == tables
    assert set(what.get("get", [])) == {m["oid"] + ".0" for m in what["metrics"]} - {t + ".0" for t in tables}


def test_no_object_is_asked_for_twice():
    both = [m["name"] for module in modules(NEW).values() for m in module["metrics"]]
    assert len(set(both)) == len(both)


def test_prometheus_accepts_rules_and_configuration():
    tool("promtool", "check", "config", "prometheus.yml")
    assert "FAILED" not in tool("promtool", "check", "rules", "townmeter.rules.yml")
    asked = [job["params"]["module"] for job in load(SHIPPED / "prometheus.yml")["scrape_configs"]]
    assert asked == [[module] for module in MODULES]


def rules():
    return [r for g in load(SHIPPED / "townmeter.rules.yml")["groups"] for r in g["rules"]]


def test_rules_do_what_their_tests_say():
    tool("promtool", "test", "rules", "townmeter.rules.test.yml")


def test_every_rule_has_a_test():
    tests = load(SHIPPED / "townmeter.rules.test.yml")["tests"]
    cases = [case for t in tests for case in t.get("alert_rule_test", [])]
    fired = {c["alertname"] for c in cases if c["exp_alerts"]}
    silent = {c["alertname"] for c in cases if not c["exp_alerts"]}
    alerts = {r["alert"] for r in rules() if "alert" in r}
    assert fired == alerts
    # Some of them from the first moment on, of another row than the one that is well.
    assert alerts - silent == {"TownmeterLedgerRestored"}
    asked = " ".join(e["expr"] for t in tests for e in t.get("promql_expr_test", []))
    for rule in rules():
        if "record" in rule:
            assert rule["record"] in asked, rule["record"]


def test_rules_name_what_is_polled():
    polled = {m["name"] for m in modules(NEW)["townmeter"]["metrics"]}
    used = set(re.findall(r"townMeter\w+", " ".join(r["expr"] for r in rules())))
    assert used and used <= polled, used - polled


def test_no_group_needs_what_another_one_records():
    """Groups are evaluated in no order: each has what it needs, ahead of its use."""
    for group in load(SHIPPED / "townmeter.rules.yml")["groups"]:
        recorded = set()
        for rule in group["rules"]:
            used = set(re.findall(r"\b\w+:townmeter\w+:\w+", rule["expr"]))
            assert used <= recorded, f"{group['name']}: {used - recorded}"
            recorded.add(rule.get("record"))
