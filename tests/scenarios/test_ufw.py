"""Beside Debian's ufw: it puts its own rules into the filter table, and flushes that when it is told to
manage all of it. What townmeter wrote comes back, and every counter goes on."""

import re
import shutil

import pytest

from lab.configured import fresh_router, managed


class Ufw:
    """ufw(8) on the router. Its configuration, and which iptables it takes, are the scenario's own: the machine's
    are hidden by mounts that nobody else sees."""

    SCRIPT = ('mount --bind "$0/etc" /etc/ufw && mount --bind "$0/default" /etc/default/ufw && '
              'mount --bind "$0/alternatives" /etc/alternatives && exec ufw "$@"')

    def __init__(self, lab):
        self.lab, self.home = lab, lab.tmp / "ufw"
        shutil.copytree("/etc/ufw", self.home / "etc")
        shutil.copy("/etc/default/ufw", self.home / "default")
        shutil.copytree("/etc/alternatives", self.home / "alternatives", symlinks=True)
        for tool in ("iptables", "ip6tables"):
            for suffix in ("", "-save", "-restore"):
                link = self.home / "alternatives" / (tool + suffix)
                link.unlink()
                link.symlink_to(f"/usr/sbin/{tool}-{lab.ipt.backend}{suffix}")

    def __call__(self, *args):
        return self.lab.router.run("unshare", "--mount", "sh", "-c", self.SCRIPT, self.home, *args,
                                   env=self.lab.ipt.env, timeout=60).stdout

    def set(self, name, value):
        default = self.home / "default"
        text, n = re.subn(rf"(?m)^{name}=.*$", f"{name}={value}", default.read_text(encoding="ascii"))
        assert n == 1
        default.write_text(text, encoding="ascii")


@pytest.fixture
def tree(make_lab):
    return fresh_router(make_lab(config=managed())).up()


def ours(lab):
    """The rules that are townmeter's, without counters."""
    return [re.sub(r"\[\d+:\d+\] ?", "", line) for line in lab.ipt.save().splitlines()
            if "tm-" in line or "townmeter" in line]


def test_ufw(tree):
    lab, ufw = tree, Ufw(tree)
    rules = ours(lab)
    assert rules
    # ufw's own rules let nothing through to the customers: they are counted where they arrive.
    for n, doing in enumerate((["--force", "enable"], ["reload"], ["allow", "80/tcp"], ["--force", "reset"],
                               ["--force", "enable"], ["disable"])):
        ufw(*doing)
        lab.fresh()
        assert ours(lab) == rules, doing
        for family in (4, 6):
            lab.traffic.send("outside", "alice", 20 + n, family)
            lab.traffic.send("alice", "outside", 10 + n, family)
        lab.expect_sent()
    assert "put back" not in lab.daemon.log()
    # Told to manage the chains of the kernel, it empties them at each start.
    ufw.set("MANAGE_BUILTINS", "yes")
    put_back = 0
    for doing in (["--force", "enable"], ["reload"], ["disable"]):
        ufw(*doing)
        lab.fresh()
        lab.fresh()
        assert ours(lab) == rules, doing
        told = lab.daemon.log().count("put back")
        assert told > put_back, doing
        put_back = told
        for family in (4, 6):
            lab.traffic.send("outside", "alice", 30, family)
            lab.traffic.send("alice", "outside", 15, family)
        lab.expect_sent()
