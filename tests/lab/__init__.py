"""The lab: routers, towns, traffic, a real snmpd and townmeterd, in network
namespaces that exist for one scenario only.

Needs root, Linux, iptables (legacy), iproute2, util-linux (nsenter), net-snmp's
snmpd and tools.  Nothing here touches the machine's own namespace.
"""
