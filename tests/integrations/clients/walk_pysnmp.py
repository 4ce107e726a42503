"""Walks an agent with pysnmp: walk_pysnmp.py next|bulk PEER COMMUNITY ROOT.
Prints what walk.pl does."""

import sys

from pysnmp.hlapi import (CommunityData, ContextData, ObjectIdentity, ObjectType, SnmpEngine,
                          UdpTransportTarget, bulkCmd, nextCmd)
from pysnmp.proto.rfc1902 import OctetString
from pysnmp.proto.rfc1905 import EndOfMibView

how, peer, community, root = sys.argv[1:]
common = (SnmpEngine(), CommunityData(community), UdpTransportTarget((peer, 161), 12, 0),
          ContextData())
what = ObjectType(ObjectIdentity(root))
options = {"lexicographicMode": False, "lookupMib": False}
answers = bulkCmd(*common, 0, 20, what, **options) if how == "bulk" else \
    nextCmd(*common, what, **options)
for failed, status, index, binds in answers:
    if failed or status:
        sys.exit(f"{failed or status.prettyPrint()} at {index}")
    for oid, value in binds:
        if isinstance(value, EndOfMibView):
            sys.exit(0)
        tag = value.tagSet[0]
        number = tag.tagClass | tag.tagFormat | tag.tagId
        shown = bytes(value).hex() if isinstance(value, OctetString) else int(value)
        print(f".{oid}", number, shown)
