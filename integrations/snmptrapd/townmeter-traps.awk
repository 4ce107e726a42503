# SPDX-License-Identifier: GPL-2.0-or-later
# Reads one notification of townmeter as snmptrapd hands it to a handler, and prints one
# line. For names beyond ASCII run it with LC_ALL=C: a name is its octets.

# The octets that stand at the head of an index: how many, then each.
function name(    text, count) {
    for (count = part[at++]; count > 0; count--)
        text = text sprintf("%c", part[at++] + 0)
    return text
}

# townMeterHostBlockReason: in quick output BITS are octets in hexadecimal.
function reasons(hex,    bits, text, i) {
    bits = index("0123456789ABCDEF", substr(hex, 2, 1)) - 1
    for (i = 0; i < 4; i++)
        if (int(bits / 2 ^ (3 - i)) % 2)
            text = text (text ? "+" : "") reason[i]
    return text ? text : "none"
}

BEGIN { split("quota local town", reason); reason[0] = "manager" }

# Who sent it: its name, if it has one, or its address.
NR == 1 { router = $0 }
NR == 2 && router ~ /^(<UNKNOWN>|UDP|TCP)/ && match($0, /\[[^]]*\]/) {
    router = substr($0, RSTART + 1, RLENGTH - 2)
}
NR <= 2 { next }

{ sub(/^[A-Z-]+::/, "") }

# snmpTrapOID.0, which has this name only where the IETF's modules are.
/^[^ ]*(snmpTrapOID|\.6\.3\.1\.1\.4\.1)\.0 / { event = $2; sub(/^.*::/, "", event) }

/^townMeter/ {
    object = substr($0, 1, index($0, " ") - 1)
    value = substr($0, index($0, " ") + 1)
    split(object, part, ".")
    at = 2
    if (part[1] ~ /^townMeter(Town|Host)/)
        who = name() (part[1] ~ /^townMeterHost/ ? "/" name() : "")
    sub(/^townMeter(Town|Host)?/, "", part[1])
    if (part[1] == "BlockReason")
        value = reasons(value)
    sub(/^0-1-1,0:0:0\.0.*/, "never", value)
    if (value != "" && value != "\"\"")
        said = said (said ? ", " : "") part[1] " " value
}

END { print router " " event (who ? " " who : "") ": " said }
