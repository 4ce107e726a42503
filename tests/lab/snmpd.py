"""A real snmpd, the AgentX master, in the router's namespace."""

from .pdu import Client, Timeout
from .proc import Hopeless, clean_env, wait_until
from .snmp import V3_USER

SYS_DESCR = (1, 3, 6, 1, 2, 1, 1, 1, 0)
# Only what the scenarios need is visible: what a site would grant as well.
_CONFIG = """\
agentaddress udp:127.0.0.1:161,unix:{dir}/snmp.sock
master agentx
agentXSocket unix:{agentx}
view townmeter included .1.3.6.1.4.1.8072.9999.9999.8696
view townmeter included .1.3.6.1.4.1.8072.9999.9999.8697
view townmeter included .1.3.6.1.2.1.1
rwcommunity private default -V townmeter
rocommunity public default -V townmeter
com2secunix local default private
group local v2c local
access local "" any noauth exact townmeter townmeter none
createUser {user} SHA {auth} AES {priv}
rwuser {user} priv -V townmeter
dontLogTCPWrappersConnects yes
{extra}
"""


class Snmpd:
    def __init__(self, ns, tmp, extra=""):
        self.ns, self.dir = ns, tmp / "snmpd"
        self.dir.mkdir()
        self.agentx = self.dir / "agentx.sock"
        self.log = self.dir / "snmpd.log"
        # The peer for tools that must not add packets to the router's INPUT.
        self.unix_peer = f"unix:{self.dir}/snmp.sock"
        self.config = self.dir / "snmpd.conf"
        self.config.write_text(_CONFIG.format(
            dir=self.dir, agentx=self.agentx, extra=extra, **V3_USER))
        self.process = None

    @property
    def address(self):
        """What an AgentX subagent connects to."""
        return f"unix:{self.agentx}"

    def start(self):
        self.process = self.ns.start(
            ["snmpd", "-f", "-Le", "-C", "-c", self.config,
             "-I", "-smux,mteTrigger,mteTriggerConf"],
            self.log, self.log,
            env=clean_env(SNMP_PERSISTENT_DIR=str(self.dir / "state"),
                          SNMPCONFPATH=str(self.dir)))
        client = Client(self.ns, timeout=0.2)
        try:
            wait_until(lambda: self._answers(client), 15, "snmpd answers")
        finally:
            client.close()
        return self

    def _answers(self, client):
        if not self.process.running():
            raise Hopeless(f"snmpd ended: {self.process.stderr()}")
        try:
            return client.get(SYS_DESCR).error == "noError"
        except Timeout:
            return False

    def stop(self):
        if self.process:
            self.process.stop()

    def kill(self):
        self.process.kill()

    def restart(self):
        self.stop()
        self.start()
