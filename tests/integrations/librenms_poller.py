"""The commands that LibreNMS runs, in a lab's station, and the files in which it keeps what they
answer. What it makes of the answers is in librenms.py."""

import librenms
from lab.proc import run
from lab.snmp import own_env
from librenms import MODULES, TREE

# Seconds from poll to poll, and what it keeps for how long, as it comes.
STEP = 300
ARCHIVES = [f"RRA:{kind}:0.5:{steps}" for kind in ("AVERAGE", "MIN", "MAX")
            for steps in ("1:2016", "6:1440", "24:1440", "288:1440")] + ["RRA:LAST:0.5:1:2016"]


class Asker:
    """The commands of LibreNMS, in a lab's station."""

    def __init__(self, lab):
        self.lab, mibs = lab, lab.tmp / "mibs"
        mibs.mkdir(exist_ok=True)
        run([TREE / "tools" / "mib-standalone", TREE / "mibs" / "TOWNMETER-MIB.txt",
             mibs / "TOWNMETER-MIB"])
        self.common = ["-M", mibs, "-m", MODULES, "-v2c", "-c", "public"]
        self.env = own_env(lab.tmp)

    def _run(self, tool, options, *oids):
        done = self.lab.station.run(tool, *self.common, *options, "udp:127.0.0.1:161", *oids,
                                    env=self.env, check=False, timeout=60)
        assert "No Response" not in done.stderr, done.stderr
        return done.stdout

    def tables(self, discovery):
        return {name: librenms.table(self._run("snmpbulkwalk", flags, name))
                for name, flags in librenms.asked_for(discovery).items()}

    def get(self, oids):
        oids, found = list(oids), {}
        for at in range(0, len(oids), 20):  # our snmp_max_oid
            found.update(librenms.values(self._run("snmpget", librenms.GET, *oids[at:at + 20])))
        return found


class Watched:
    """A lab, and what LibreNMS knows of it after it looked."""

    def __init__(self, lab):
        self.lab, self.asker = lab, Asker(lab)
        self.discovery = librenms.load("os_discovery")
        self.look()

    def look(self):
        found = librenms.sensors(self.discovery, self.asker.tables(self.discovery))
        self.sensors = {(s.kind, s.descr): s for s in found}
        assert len(self.sensors) == len(found), "two with the same description"

    def poll(self):
        """{(class, description): what is kept}"""
        answers = self.asker.get(s.oid for s in self.sensors.values())
        return {key: s.kept(answers) for key, s in self.sensors.items()}


class Rrd:
    """A file as LibreNMS makes it for a sensor."""

    def __init__(self, path, sensor, *options, step=STEP):
        self.path = path
        run(["rrdtool", "create", path, *map(str, options), "--step", str(step),
             f"DS:sensor:{sensor.rrd_type}:{2 * step}:U:U", *ARCHIVES])

    def put(self, number, at="N"):
        """What is true at this time, now if none is said."""
        run(["rrdtool", "update", self.path, f"{at}:{number}"])
