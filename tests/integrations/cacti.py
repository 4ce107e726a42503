"""Debian's Cacti with a MariaDB of its own, in the lab's station.

The installed Cacti is used as it is: what it reads or writes on the machine is covered by
directories of the lab, in a mount namespace that only its processes see. These share a process
namespace, too, so that what Cacti starts in the background ends with it."""

import json
import time
from pathlib import Path

from lab.proc import LabError, clean_env, run, wait_until
from rrd import Rrd

OURS = Path(__file__).resolve().parents[2] / "integrations" / "cacti"
TEMPLATE = OURS / "cacti_host_template_townmeter.xml"
CMD, SPINE = "1", "2"  # Cacti's numbers for its pollers
_SITE, _CLI = "/usr/share/cacti/site", "/usr/share/cacti/cli"
_SQL = "/usr/share/cacti/conf_templates/cacti.sql"
_GRAPH = Path(__file__).with_name("cacti_graph.php")

# The shell stays: the first process of a namespace has to collect the others' ends.
_INIT = """
set -e
mount -t tmpfs tmpfs /run
mkdir /run/mysqld
mount --bind {dir}/etc /etc/cacti
mount --bind {dir}/lib /var/lib/cacti
mount --bind {dir}/log /var/log/cacti
mount --bind {dir}/queries /usr/share/cacti/resource/snmp_queries
mariadbd --no-defaults --user=root --datadir={dir}/mysql --skip-networking --skip-log-bin \
    --socket=/run/mysqld/mysqld.sock --pid-file={dir}/mysql.pid --innodb-log-file-size=4M \
    --innodb-buffer-pool-size=32M --innodb-flush-log-at-trx-commit=0 --skip-innodb-doublewrite &
wait
"""
_CONFIG = """<?php
$database_type = 'mysql';
$database_default = 'cacti';
$database_hostname = 'localhost';
$database_username = 'root';
$database_password = '';
$database_port = '3306';
$poller_id = 1;
$url_path = '/cacti/';
$disable_log_rotation = true;
"""
_SPINE = "DB_Host localhost\nDB_Database cacti\nDB_User root\nDB_Pass\nDB_Port 3306\n"
# What the installer asks for in a browser, and no discovery: it goes for 192.168.1.0/24.
# Steps of a second, so that what lies between two polls is all there is in its seconds.
_SETUP = """
DELETE FROM automation_networks;
UPDATE version SET cacti = '{version}';
REPLACE INTO settings VALUES
    ('path_webroot', '/usr/share/cacti/site'), ('path_php_binary', '/usr/bin/php'),
    ('path_rrdtool', '/usr/bin/rrdtool'), ('rrdtool_version', '1.7.2'),
    ('path_snmpget', '/usr/bin/snmpget'), ('path_snmpwalk', '/usr/bin/snmpwalk'),
    ('path_snmpbulkwalk', '/usr/bin/snmpbulkwalk'), ('path_snmpgetnext', '/usr/bin/snmpgetnext'),
    ('path_cactilog', '/var/log/cacti/cacti.log'), ('path_spine', '/usr/sbin/spine'),
    ('path_spine_config', '/etc/cacti/spine.conf'), ('log_verbosity', '2'),
    ('poller_interval', '60'), ('cron_interval', '60'), ('poller_enabled', 'on'),
    ('reindex_method', '2');
INSERT INTO data_source_profiles VALUES (99, 'townmeter', 'Seconds', 1, 1200, 0.5, '');
INSERT INTO data_source_profiles_cf VALUES (99, 1), (99, 3);
INSERT INTO data_source_profiles_rra VALUES (NULL, 99, 'All', 1, 3600, 3600);
"""


class Cacti:
    def __init__(self, lab):
        self.station, self.dir = lab.station, lab.tmp / "cacti"
        for name in ("etc", "lib/rra", "lib/cache", "lib/csrf", "log", "queries", "mysql"):
            (self.dir / name).mkdir(parents=True)
        (self.dir / "etc/debian.php").write_text(_CONFIG)
        (self.dir / "etc/spine.conf").write_text(_SPINE)
        (self.dir / "log/cacti.log").touch()
        for query in OURS.glob("townmeter_*.xml"):
            (self.dir / "queries" / query.name).write_bytes(query.read_bytes())
        self.env = clean_env(HOME=str(self.dir))
        self.server = self.init = None
        self.printed = ""  # by make-template.php, before there were templates of ours
        self.polled = 0

    # Starting and ending

    def start(self):
        run(["mariadb-install-db", "--no-defaults", f"--datadir={self.dir}/mysql", "--user=root",
             "--auth-root-authentication-method=normal", "--skip-test-db",
             "--innodb-log-file-size=4M"], 90)
        log = self.dir / "mariadbd.log"
        self.server = self.station.start(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             "sh", "-c", _INIT.format(dir=self.dir)], log, log)
        wait_until(lambda: "ready for connections" in log.read_text() or not self.server.running(),
                   60, "MariaDB is ready")
        if not self.server.running():
            raise LabError(f"mariadbd ended: {log.read_text()}")
        pid = self.server.pid
        self.init, = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self.sql("CREATE DATABASE cacti CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
                 database="")
        self.sql(f"source {_SQL}")
        version = Path(_SITE, "include/cacti_version").read_text().strip()
        self.sql(_SETUP.format(version=version))
        return self

    def stop(self):
        if self.server:
            self.server.kill()

    # Running

    def inside(self, *argv, timeout=90, stdin=None):
        """What a program prints that runs where Cacti is."""
        return run(["nsenter", f"--target={self.init}", "--mount", "--pid", "--net", "--",
                    *map(str, argv)], timeout, env=self.env, stdin=stdin).stdout

    def php(self, script, *args):
        return self.inside("php", "-q", script, *args)

    def cli(self, name, *args):
        """One of Cacti's own commands; some fail with a line and a status of 0."""
        out = self.php(f"{_CLI}/{name}.php", *args)
        assert "ERROR" not in out and "[fail" not in out, f"{name}.php: {out}"
        return out

    def sql(self, statement, database="cacti"):
        """The rows of a statement, as lists of strings; NULL is None."""
        out = self.inside("mariadb", "--no-defaults", "--default-character-set=utf8mb4", "-B", "-N",
                          database, stdin=statement)
        return [[None if cell == "NULL" else cell for cell in line.split("\t")]
                for line in out.splitlines()]

    def number(self, table, name):
        """The id of an object by its name."""
        [[number]] = self.sql(f"SELECT id FROM {table} WHERE name = '{name}'")
        return number

    def log(self):
        return (self.dir / "log/cacti.log").read_text(errors="replace")

    # What a person does

    def make_template(self):
        return self.php(OURS / "make-template.php")

    def import_template(self):
        return self.cli("import_template", f"--filename={TEMPLATE}", "--profile-id=99")

    def add_rules(self):
        self.sql((OURS / "graph_rules.sql").read_text())

    def add_device(self, name, *access):
        template = self.number("host_template", "townMeter Router")
        self.cli("add_device", f"--description={name}", "--ip=127.0.0.1",
                 f"--template={template}", "--avail=snmp", *access)
        [[number]] = self.sql(f"SELECT id FROM host WHERE description = '{name}'")
        return number

    def poll(self, poller, device):
        """One run of Cacti's poller, for one device, with all that comes after it."""
        # All data sources are due, and no time is that of an earlier poll.
        self.sql(f"UPDATE poller_item SET rrd_next_step = 0;"
                 f"UPDATE host SET disabled = IF(id = {device}, '', 'on');"
                 f"REPLACE INTO settings VALUES ('poller_type', '{poller}')")
        wait_until(lambda: time.time() >= self.polled + 1, 10, "the next second")
        out = self.php(f"{_SITE}/poller.php", "--force")
        self.polled = int(time.time())
        wait_until(lambda: self.sql("SELECT * FROM poller_command") == [], 60,
                   "what the poller gave in order is done")
        assert f"Method:{'spine' if poller == SPINE else 'cmd.php'}" in out, out
        return out

    # Looking

    def rows(self, device, query):
        """What a data query found: {index: {field: value}}."""
        found = {}
        for index, field, value in self.sql(
                f"SELECT c.snmp_index, c.field_name, c.field_value FROM host_snmp_cache c "
                f"JOIN snmp_query q ON q.id = c.snmp_query_id "
                f"WHERE c.host_id = {device} AND q.name = '{query}'"):
            found.setdefault(index, {})[field] = value
        return found

    def rrds(self, device):
        """The files of a device's data sources: {(template, index): Rrd}."""
        return {(template.removeprefix("townMeter - "), index):
                Rrd(self.dir / "lib/rra" / path.partition("/")[2])
                for template, index, path in self.sql(
                    f"SELECT dt.name, dl.snmp_index, dtd.data_source_path FROM data_local dl "
                    f"JOIN data_template dt ON dt.id = dl.data_template_id "
                    f"JOIN data_template_data dtd ON dtd.local_data_id = dl.id "
                    f"WHERE dl.host_id = {device}")}

    def titles(self, device):
        """The titles of a device's graphs: {(template, index): title}."""
        return {(template.removeprefix("townMeter - "), index): title
                for template, index, title in self.sql(
                    f"SELECT gt.name, gl.snmp_index, gtg.title_cache FROM graph_local gl "
                    f"JOIN graph_templates gt ON gt.id = gl.graph_template_id "
                    f"JOIN graph_templates_graph gtg ON gtg.local_graph_id = gl.id "
                    f"WHERE gl.host_id = {device}")}

    def graph(self, device, template, index, start, end):
        """What Cacti draws of these seconds: the file of the picture, and what its lines are
        made of, {text: [value, ...]}."""
        [[number]] = self.sql(
            f"SELECT gl.id FROM graph_local gl JOIN graph_templates gt "
            f"ON gt.id = gl.graph_template_id WHERE gl.host_id = {device} "
            f"AND gt.name = 'townMeter - {template}' AND gl.snmp_index = '{index}'")
        picture = self.dir / f"graph{number}.png"
        export = json.loads(self.php(_GRAPH, number, start, end, picture))
        return picture, {text: [float(row[column]) for row in export["data"].values()]
                         for column, text in export["meta"]["legend"].items()}
