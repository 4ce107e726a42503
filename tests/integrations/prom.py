"""A real snmp_exporter and a real Prometheus, with the files that we ship, in a lab's station."""

import json
import re
import urllib.parse
from pathlib import Path

import yaml

from lab import mib
from lab.proc import Hopeless, clean_env, run, wait_until

SHIPPED = Path(__file__).resolve().parents[2] / "integrations" / "prometheus"
EXPORTER, SERVER = 9116, 9090
ROUTER = "127.0.0.1"  # as Prometheus knows it
# Prometheus has no integers beyond this: the exporter lets large ones wrap here.
EXACT = 2**53


def exporter_file():
    """The one of our two files whose form this exporter reads."""
    done = run(["prometheus-snmp-exporter", "--version"])
    version = re.search(r"version 0\.(\d+)\.", done.stdout + done.stderr)
    return SHIPPED / ("snmp-0.22.yml" if int(version[1]) <= 22 else "snmp.yml")


def contract():
    """{name: (identifier, table or None)} of everything the agent serves."""
    found = {}
    for group, objects in ((1, mib.AGENT), (11, mib.CONTROL)):
        found.update({f"townMeter{n}": (mib.OBJECTS + (group, i), None)
                      for n, (i, _) in objects.items()})
    for table in ("Total", "Town", "Host", "Service", "TownService", "HostService"):
        entry, columns = mib.TABLES[table]
        found.update({f"townMeter{table}{n}": (entry + (i,), table)
                      for n, (i, _) in columns.items()})
    return found


class Server:
    """A program in the lab's station that answers over HTTP; end it with close()."""

    def __init__(self, lab, port, ready, argv):
        self.lab, self.port = lab, port
        log = lab.tmp / f"{argv[0]}.log"
        self.process = lab.station.start(argv, log, log, clean_env(HOME=str(lab.tmp)))

        def answers():
            if not self.process.running():
                raise Hopeless(f"{argv[0]} ended: {self.process.stderr()}")
            try:
                return self.fetch(ready)[0] == 200
            except OSError:
                return False

        wait_until(answers, 60, f"{argv[0]} answers", interval=0.2)

    def fetch(self, path):
        return self.lab.station.fetch(self.port, path, timeout=60)

    def close(self):
        self.process.kill()


class Exporter(Server):
    def __init__(self, lab, path=None):
        super().__init__(lab, EXPORTER, "/metrics", [
            "prometheus-snmp-exporter", f"--config.file={path or exporter_file()}",
            f"--web.listen-address=127.0.0.1:{EXPORTER}"])

    def read(self, module):
        """{(metric, its labels as a frozenset of pairs): value} of one scrape."""
        status, body = self.fetch(f"/snmp?target={ROUTER}&module={module}&auth=townmeter")
        assert status == 200, body
        found = {}
        for line in body.decode("utf-8").splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
            pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")
            plain = re.compile(r"\\(.)")
            key = name, frozenset(
                (k, plain.sub(lambda m: "\n" if m[1] == "n" else m[1], v)) for k, v in pairs)
            assert key not in found, f"{key} came twice"
            found[key] = float(value)
        return found


class Rows(dict):
    """Asking for a row that is not there is a condition that may still come true."""

    def __missing__(self, key):
        raise AssertionError(f"no row {key} in {dict(self)}")


class Prometheus(Server):
    """Polls the meter of a lab that is up, through an exporter that runs."""

    def __init__(self, lab, interval="3s", interval_info="6s"):
        config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text(encoding="utf-8"))
        config["global"] = {"scrape_interval": interval, "evaluation_interval": interval}
        config["rule_files"] = [str(SHIPPED / name) for name in config["rule_files"]]
        for job in config["scrape_configs"]:
            every = interval_info if "info" in job["job_name"] else interval
            job.update(scrape_interval=every, scrape_timeout=every,
                       static_configs=[{"targets": [ROUTER]}])
        path = lab.tmp / "prometheus.yml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        super().__init__(lab, SERVER, "/-/ready", [
            "prometheus", f"--config.file={path}", f"--storage.tsdb.path={lab.tmp}/prometheus",
            f"--web.listen-address=127.0.0.1:{SERVER}"])

    def _api(self, what, **arguments):
        status, body = self.fetch(f"/api/v1/{what}?" + urllib.parse.urlencode(arguments))
        answer = json.loads(body)
        assert status == 200 and answer["status"] == "success", f"{what} {arguments}: {body[:500]!r}"
        return answer["data"]

    def query(self, expression):
        """[(labels, value)] now; for a range [(labels, [(time, value)])]."""
        found = self._api("query", query=expression)["result"]
        return [(r["metric"], float(r["value"][1]) if "value" in r else
                 [(at, float(value)) for at, value in r["values"]]) for r in found]

    def rows(self, name, *labels):
        """{the labels' values: the value of this metric in the last poll}; nothing while a
        poll failed, which is no more than a busy machine."""
        rows = Rows()
        for metric, value in self.query(name):
            key = tuple(metric.get(label) for label in labels)
            assert key not in rows, f"two series of {name} for {key}"
            rows[key] = value
        return rows

    def hosts(self, name):
        return self.rows(name, "town", "host")

    def towns(self, name):
        return Rows((town, value) for (town,), value in self.rows(name, "town").items())

    def one(self, expression):
        """The value of the only series."""
        found = self.query(expression)
        assert len(found) == 1, f"{expression}: {found}"
        return found[0][1]

    def until(self, condition, what=None, timeout=90):
        return wait_until(condition, timeout, what, interval=0.25)

    def shows(self, read, want):
        """Wait until read() is this."""

        def same():
            got = read()
            assert got == want, f"{got}, not {want}"
            return True

        self.until(same, "Prometheus shows it")

    def host(self, name, *key):
        """The value of a host's row."""
        return self.until(lambda: (self.hosts(name)[key],), f"{name} of {key}")[0]

    def alerts(self):
        """{(name, state): [labels]} of what is pending or firing."""
        found = {}
        for alert in self._api("alerts")["alerts"]:
            labels = {k: v for k, v in alert["labels"].items() if k != "alertname"}
            found.setdefault((alert["labels"]["alertname"], alert["state"]), []).append(labels)
        return found
