# shellcheck shell=bash
# For tools/demo: what the counters should say, and whether they do.
# shellcheck disable=SC2154 # of tools/demo and tools/demo-router.sh: dir, hosts, ...

# Keys are WHO.WAY.pkts and WHO.WAY.octets; WHO is a host, a town or FORWARD, WAY
# is down, up, dropped or all.
declare -A ever       # since the start: Counter64
declare -A period     # since the last zero: the amounts of the period
declare -A kernel     # what the rule itself counted since the last zero
compared=0

add() {
    local -n counts=$1
    counts[$2.pkts]=$((${counts[$2.pkts]:-0} + $3))
    counts[$2.octets]=$((${counts[$2.octets]:-0} + $3 * $4))
}

# Packets that pass: expect_traffic down|up HOST PACKETS OCTETS
expect_traffic() {
    local who list
    for who in "$2.$1" "${town_of[$2]}.$1" FORWARD.all; do
        for list in ever period kernel; do
            add "$list" "$who" "$3" "$4"
        done
    done
}

# Packets from a blocked host, which its drop rule takes behind the town's jump:
# expect_dropped HOST PACKETS OCTETS
expect_dropped() {
    add ever "$1.dropped" "$2" "$3"
    add ever "${town_of[$1]}.dropped" "$2" "$3"
    # In the tree that townmeter writes, drops stand ahead of what counts the town.
    [ -n "$configured" ] || add kernel "${town_of[$1]}.up" "$2" "$3"
    add ever FORWARD.all "$2" "$3"
    add kernel FORWARD.all "$2" "$3"
}

expect_zero() {
    local key who
    for who in "$1" "${hosts[@]}"; do
        [ "$who" = "$1" ] || [ "${town_of[$who]}" = "$1" ] || continue
        for key in "${!kernel[@]}"; do
            [ "${key%%.*}" != "$who" ] || { kernel[$key]=0 && period[$key]=0; }
        done
    done
}

# compare WHAT FOUND EXPECTED
compare() {
    [ "$2" = "$3" ] || die "$1: found '$2', expected $3"
    compared=$((compared + 1))
}

# --- what the programs printed ----------------------------------------------

pings_sent() {
    sed -n 's/^\([0-9]*\) packets transmitted, .*/\1/p' "$dir/out"
}

pings_answered() {
    sed -n 's/^[0-9]* packets transmitted, \([0-9]*\) received.*/\1/p' "$dir/out"
}

# The cell of an snmptable, which prints a wide table in parts.
#   cell FILE INDEX COLUMN
cell() {
    awk -v index_="$2" -v column="$3" '
    $1 == "index" { at = 0; for (i = 2; i <= NF; i++) if ($i == column) at = i }
    $1 == index_ && at { print $at }' "$1"
}

# "packets octets" of a rule in the output of iptables -L -v -n -x.
#   rule_counts FILE CHAIN TARGET SOURCE DESTINATION    (- for no target)
rule_counts() {
    awk -v chain="$2" -v target="$3" -v from="$4" -v to="$5" '
    $1 == "Chain" { own = $2 == chain; next }
    own && $1 ~ /^[0-9]+$/ {
        # Interfaces in and out are "*"; without a target its column is empty.
        for (i = 4; i < NF && !($i == "*" && $(i + 1) == "*"); i++) ;
        if ((i == 6 ? $3 : "-") == target && $(i + 2) == from && $(i + 3) == to) print $1, $2
    }' "$1"
}

# --- all of it --------------------------------------------------------------

compare_cells() {
    local file=$1 index=$2 who=$3 way title
    for way in Down Up Dropped; do
        title=${way,,}
        compare "$who $title octets" "$(cell "$file" "$index" "${way}Octets")" "${ever[$who.$title.octets]:-0}"
        compare "$who $title packets" "$(cell "$file" "$index" "${way}Pkts")" "${ever[$who.$title.pkts]:-0}"
        [ "$way" != Dropped ] || continue
        compare "$who $title octets of the period" "$(cell "$file" "$index" "Period${way}Octets")" \
            "${period[$who.$title.octets]:-0}"
        compare "$who $title packets of the period" "$(cell "$file" "$index" "Period${way}Pkts")" \
            "${period[$who.$title.pkts]:-0}"
    done
}

# The rules for both directions of a host or a town: compare_rules WHO PREFIX
compare_rules() {
    local way place chain target
    for way in down up; do
        read -r chain target < <("place_of_$([ -n "$configured" ] && echo tree || echo hand)" "$1" "$2" "$way")
        [ "$way" = down ] && place="0.0.0.0/0 $2" || place="$2 0.0.0.0/0"
        # shellcheck disable=SC2086 # two words
        compare "iptables: packets and octets $way of $1" \
            "$(rule_counts "$dir/rules-now" "$chain" "$target" $place)" \
            "${kernel[$1.$way.pkts]:-0} ${kernel[$1.$way.octets]:-0}"
    done
}

# Where the rule of a host or a town stands, and its target: in chains that were written by hand.
place_of_hand() {
    if [ -n "${town_of[$1]:-}" ]; then echo "${town_of[$1]} -"; else echo "FORWARD $1"; fi
}

# Every number that townmeterd serves for the towns, the hosts and the router, and
# every number that iptables has for their rules.
compare_all() {
    local host town total
    inside router "$table townMeterTownTable" >"$dir/table-towns"
    inside router "$table townMeterHostTable" >"$dir/table-hosts"
    total=$(inside router "$value townMeterTotalPkts.forward townMeterTotalOctets.forward")
    inside router "$iptables -L -v -n -x" >"$dir/rules-now"
    for town in town-a town-b; do
        compare_cells "$dir/table-towns" "\"$town\"" "$town"
        compare_rules "$town" "${network_of[$town]}.0/24"
    done
    for host in "${hosts[@]}"; do
        town=${town_of[$host]}
        compare_cells "$dir/table-hosts" "\"$town\".\"$host\"" "$host"
        compare_rules "$host" "${address_of[$host]}"
    done
    compare "router packets and octets" "${total/$'\n'/ }" "${ever[FORWARD.all.pkts]} ${ever[FORWARD.all.octets]}"
    compare "iptables: packets and octets of the router" \
        "$(rule_counts "$dir/rules-now" FORWARD "$([ -n "$configured" ] && echo townmeter || echo -)" 0.0.0.0/0 0.0.0.0/0)" \
        "${kernel[FORWARD.all.pkts]} ${kernel[FORWARD.all.octets]}"
}

# The drop rules of a blocked host.
compare_drops() {
    local host=$1 town=${town_of[$1]}
    inside router "$iptables -L -v -n -x" >"$dir/rules-now"
    compare "iptables: packets and octets dropped from $host" \
        "$(rule_counts "$dir/rules-now" "$town" DROP "${address_of[$host]}" 0.0.0.0/0)" \
        "${ever[$host.dropped.pkts]} ${ever[$host.dropped.octets]}"
    compare "iptables: packets and octets dropped towards $host" \
        "$(rule_counts "$dir/rules-now" "$town" DROP 0.0.0.0/0 "${address_of[$host]}")" "0 0"
}

# The closed period $2 of a host, as townmeter reports it, with what was sent in it.
compare_closed() {
    local host=$1 report
    report=$(inside router "townmeter report --json --period $2 '${town_of[$1]}/$1'")
    compare "$host: closed period down and up" \
        "$(jq_numbers "$report" down_octets down_packets up_octets up_packets)" "$3"
}

# The numbers of these members of the first object that has them: jq_numbers JSON NAME...
jq_numbers() {
    local json=$1 name found=()
    shift
    for name; do
        found+=("$(grep -o "\"$name\": *[0-9]*" <<<"$json" | head -n 1 | grep -o '[0-9]*$')")
    done
    echo "${found[*]}"
}

compare_state() {
    compare "state of $1" \
        "$(inside router "$value 'townMeterHostOperStatus.\"${town_of[$1]}\".\"$1\"'")" "$2"
}
