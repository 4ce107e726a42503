"""What we ship for Cacti fits the MIB, and itself."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from lab import mib

pytestmark = pytest.mark.quick
OURS = Path(__file__).resolve().parents[2] / "integrations" / "cacti"
TEMPLATE = OURS / "cacti_host_template_townmeter.xml"
QUERIES = {"Town": OURS / "townmeter_towns.xml", "Host": OURS / "townmeter_hosts.xml"}
GAUGE, DERIVE = "1", "3"


def text(element, path):
    return element.findtext(path) or ""


def named(kind, name):
    """The column of an object's name: townMeterHostLabel is Label of Host."""
    assert name.startswith(f"townMeter{kind}"), name
    return name.removeprefix(f"townMeter{kind}")


@pytest.mark.parametrize("kind", QUERIES)
def test_a_query_names_what_the_mib_has(kind):
    query = ElementTree.parse(QUERIES[kind]).getroot()
    for field in query.find("fields"):
        if text(field, "source") != "index":
            assert text(field, "oid") == mib.show(mib.column(kind, named(kind, field.tag)))
    assert text(query, "oid_index") == mib.show(mib.column(kind, "Label"))
    assert text(query, "oid_num_indexes") == mib.show(mib.agent(f"{kind}s"))
    # The whole instance identifier, whatever is in a name.
    pattern = text(query, "oid_index_parse").removeprefix("OID/REGEXP:")
    index = mib.index("town-a") + (mib.index("José") if kind == "Host" else ())
    for column in ("Label", "DownOctets", "QuotaMB"):
        oid = mib.show(mib.column(kind, column) + index)
        assert re.fullmatch(pattern, oid)[1] == mib.show(index)[1:]
    # The names themselves are compared by Cacti without their case.
    assert text(query, "index_order") == f"{kind.lower()}Index"
    assert text(query, "index_title_format") == f"|query_townMeter{kind}Label|"


def objects(kind):
    """The objects of a kind in the template: {hash: element}; 01 are data templates."""
    root = ElementTree.parse(TEMPLATE).getroot()
    return {e.tag: e for e in root if e.tag.startswith(f"hash_{kind}")}


def test_counters_are_rates_that_are_never_negative():
    templates, found = objects("01"), set()
    for query in objects("04").values():
        kind = "Host" if "townmeter_hosts.xml" in text(query, "xml_path") else "Town"
        fields = {f.tag for f in ElementTree.parse(QUERIES[kind]).getroot().find("fields")}
        for graph in query.find("graphs"):
            for use in graph.find("rrd"):
                name = text(use, "snmp_field_name")
                assert name in fields
                source = templates[text(use, "data_template_id")].find("items").find(
                    text(use, "data_template_rrd_id"))
                tag = mib.TABLES[kind][1][named(kind, name)][1]
                rate = tag == mib.COUNTER64 and "Period" not in name
                assert text(source, "data_source_type_id") == (DERIVE if rate else GAUGE), name
                assert (text(source, "rrd_minimum"), text(source, "rrd_maximum")) == ("0", "U")
                found.add((kind, rate))
            title = text(graph.find("sv_graph")[0], "text")
            assert title.startswith(f"|host_description| - |query_townMeter{kind}Label| - ")
    assert found == {(kind, rate) for kind in QUERIES for rate in (True, False)}


def test_hashes_are_such_as_cacti_takes_and_no_two_are_the_same():
    found = [e.tag for e in ElementTree.parse(TEMPLATE).getroot().iter() if "hash" in e.tag]
    assert found and all(re.fullmatch(r"hash_[0-2][0-9]0103[0-9a-f]{32}", tag) for tag in found)
    assert len(set(found)) == len(found)
