# shellcheck shell=bash
# For tools/demo --configured: the rules are townmeter's own.
# shellcheck disable=SC2154,SC2034 # of and for tools/demo and its other parts: dir, hosts, since, ...

# Nothing is configured at first: the towns come with the first apply.
write_configuration() {
    config=$dir/townmeter.yaml
    towns_at_first=0
    printf 'max-age: 200ms\nrules: managed\ntowns: []\n' >"$config"
    # It tells what iptables means on this router.
    inside router "$iptables -L -n" >"$dir/out" || die "$iptables does not work here, see above: ${needs[$backend]}"
    inside router "$iptables-save" | sed '/^#/d; s/\[.*//' >"$dir/rules"
}

configure_towns() {
    cat >"$config" <<END
max-age: 200ms
rules: managed
towns:
  - name: town-a
    prefixes: [10.1.0.0/24]
    hosts:
      - {name: alice, prefixes: [10.1.0.10], quota: 10MB}
      - {name: bob, prefixes: [10.1.0.11], quota: 10MB}
  - name: town-b
    prefixes: [10.2.0.0/24]
    hosts:
      - {name: carol, prefixes: [10.2.0.10], quota: 10MB}
      - {name: dave, prefixes: [10.2.0.11], quota: 10MB, on-exceed: notify}
END
}

# Where the tree counts a host or a town, and the rule's target.
place_of_tree() {
    local who=$1 prefix=$2 way=${3:0:1}
    if [ -n "${town_of[$who]:-}" ]; then
        echo "tm-$way-${network_of[${town_of[$who]}]}.0/28 -"
    else
        echo "$who tm-$way-$prefix"
    fi
}

demo_configured() {
    say "A router with two towns; its configuration has none yet, and so there are only totals of its own traffic"
    show_layout
    on_router "$iptables -S"

    say "The configuration, and what it would write"
    configure_towns
    on_router "cat $config"
    on_router "townmeter apply --dry-run | head -n 12"
    on_router "townmeter apply"
    on_router "$iptables -S FORWARD; $iptables -L town-a -v -n"
    on_router "townmeter apply"
    grep -q 'nothing to change' "$dir/out" || die "the second apply changed something"

    say "A month's traffic, of which every packet is known (-l is without 28 octets of headers)"
    send down alice 10000 1400
    send up alice 2000 100
    send down bob 4000 1000
    send up bob 1000 200
    send down carol 3000 1200
    send up carol 500 300
    send down dave 1000 800
    send up dave 7000 1440
    wait_for_values
    on_router "$table townMeterTownTable"
    on_router "$table townMeterHostTable"
    on_router "$iptables -L town-a -v -n -x"
    compare_all

    say "The month ends: town-a by SNMP, town-b by command. The bill, with what is over the quotas"
    local -A bills
    local host
    for host in "${hosts[@]}"; do
        bills[$host]="${period[$host.down.octets]} ${period[$host.down.pkts]} ${period[$host.up.octets]} ${period[$host.up.pkts]}"
    done
    on_router "$set 'townMeterTownZero.\"town-a\"' i zero"
    on_router "townmeter zero town-b"
    expect_zero town-a
    expect_zero town-b
    on_router "townmeter report --exact"
    for host in "${hosts[@]}"; do
        compare_closed "$host" 1 "${bills[$host]}"
        compare "$host: megabytes over the quota" \
            "$(inside router "$value 'townMeterHostClosedOverMB.\"${town_of[$host]}\".\"$host\".1'" | cut -d ' ' -f 1)" \
            "$(over_of "${bills[$host]}")"
    done
    on_router "$iptables -L town-a -v -n -x"
    compare_all

    say "alice and dave went over: she is blocked by SNMP, he by command"
    on_router "$set 'townMeterHostAdminStatus.\"town-a\".\"alice\"' i blocked"
    on_router "townmeter block town-b/dave"
    for host in alice dave; do
        ping_as "$host" 0
        expect_dropped "$host" "$pinged" 84
    done
    ping_as bob "$pinged"
    expect_traffic up bob "$pinged" 84
    expect_traffic down bob "$pinged" 84
    wait_for_values
    on_router "$iptables -L town-a -v -n -x"
    for host in alice dave; do
        compare_drops "$host"
        compare_state "$host" blocked
    done
    compare_all

    say "Another program flushes all rules: they are back with the next look, and go on from what they had counted"
    on_router "$iptables -F"
    on_router "$get townMeterSnapshotAge.0"
    since=$(milliseconds)
    wait_until 15 "the rules are back" has_rules
    send down bob 500 1000
    wait_for_values
    compare_state alice blocked
    compare "state of dave, again" "$(inside router "$value 'townMeterHostOperStatus.\"town-b\".\"dave\"'")" blocked

    say "remove leaves the router as it was"
    on_router "townmeter remove"
    inside router "$iptables-save" | sed '/^#/d; s/\[.*//' | cmp -s - "$dir/rules" || die "the rules are not those from before"

    say "$compared numbers were compared with what was sent: all are equal"
}

# Megabytes beyond 10, of a bill.
over_of() {
    local down up
    read -r down _ up _ <<<"$1"
    echo $((down + up > 10000000 ? (down + up - 10000000) / 1000000 : 0))
}

has_rules() {
    inside router "$get townMeterSnapshotAge.0" >"$dir/out" 2>&1
    inside router "$iptables -S FORWARD" 2>/dev/null | grep -q -- '-j townmeter'
}
