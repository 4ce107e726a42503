# shellcheck shell=bash
# For tools/demo: builds the programs, makes the router and removes it. Its rules are
# those of $iptables, which is iptables-legacy or iptables-nft, as $backend says.
# The names of what belongs to it start with $name; its files are in $dir.
# shellcheck disable=SC2154 # root, build, backend and iptables are set by tools/demo

name=tm-demo-$$
run=/run
dir=$run/$name
outside=192.0.2.10
ends=(outside town-a town-b)
declare -A network_of=([outside]=192.0.2 [town-a]=10.1.0 [town-b]=10.2.0)
hosts=(alice bob carol dave)
declare -A address_of=([alice]=10.1.0.10 [bob]=10.1.0.11 [carol]=10.2.0.10 [dave]=10.2.0.11)
declare -A town_of=([alice]=town-a [bob]=town-a [carol]=town-b [dave]=town-b)
# What the backends need of the kernel.
declare -A needs=([legacy]="it needs the modules ip_tables and iptable_filter" [nft]="it needs the module nf_tables")
mib_root=.1.3.6.1.4.1.8072.9999.9999.8696

milliseconds() {
    date +%s%3N
}

# Tries a command until it succeeds; not one run with a fixed time is waited for.
#   wait_until SECONDS WHAT COMMAND...
wait_until() {
    local limit=$(($(milliseconds) + $1 * 1000)) what=$2
    shift 2
    until "$@"; do
        [ "$(milliseconds)" -lt "$limit" ] || die "waited in vain until $what${log:+; see this: $(tail -n 3 "$log")}"
        sleep 0.05
    done
}

# --- the programs -----------------------------------------------------------

# As the owner of the tree, who could not build any more over root's files.
as_owner() {
    local user group
    user=$(stat -c %u "$root") group=$(stat -c %g "$root")
    if [ "$user" = 0 ]; then
        "$@"
    else
        setpriv --reuid "$user" --regid "$group" --clear-groups "$@"
    fi
}

build_steps() {
    cd "$root" || return
    if [ ! -x configure ] || [ ! -e Makefile.in ] || [ ! -e build-aux/ltmain.sh ]; then
        as_owner autoreconf -fi || return
    fi
    as_owner mkdir -p "$build" && cd "$build" || return
    [ -e config.status ] || as_owner ../configure || return
    as_owner make -j "$(nproc)" townmeterd townmeter mibs/standalone/TOWNMETER-MIB.txt tests/lab/blast
}

# What is up to date is not built again. Two demos of one tree take turns.
build_programs() {
    local output
    # configure refuses to work elsewhere for a tree that was configured in place.
    [ ! -e "$root/config.status" ] || build=$root
    echo "demo: building in $build"
    exec 9<"$root"
    flock 9
    output=$(build_steps 2>&1) || die "the build failed: $output"
    exec 9<&-
}

# --- the router -------------------------------------------------------------

# The namespace of router, outside, town-a or town-b.
space() {
    [ "$1" = router ] && echo "$name" || echo "$name-$1"
}

# Runs a line of shell there.
inside() {
    ip netns exec "$(space "$1")" bash -c "$2"
}

# The settings of everything that runs in the router, and of the shell of --keep.
write_profile() {
    cat >"$dir/profile" <<END
export PATH=$build:$build/tests/lab:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Its own lock: the machine's iptables is not held up, and holds nothing up here.
export XTABLES_LOCKFILE=$dir/xtables.lock
# The MIB's copy without imports, and nobody's snmp.conf.
export MIBDIRS=$build/mibs/standalone MIBS=
export SNMPCONFPATH=$dir/snmp SNMP_PERSISTENT_DIR=$dir/snmp
export TOWNMETER_SOCKET=$dir/control.sock
export LC_ALL=C
PS1='router# '
END
    # shellcheck source=/dev/null
    . "$dir/profile"
}

# All hosts of an end are addresses of one link.
make_link() {
    local end=$1 there net=${network_of[$1]} host
    there=$(space "$end")
    ip -n "$name" link add "$end" type veth peer name eth0 netns "$there"
    ip -n "$name" address add "$net.1/24" dev "$end"
    ip -n "$name" link set "$end" up
    for host in "${hosts[@]}"; do
        [ "${town_of[$host]}" != "$end" ] || ip -n "$there" address add "${address_of[$host]}/24" dev eth0
    done
    [ "$end" != outside ] || ip -n "$there" address add "$outside/24" dev eth0
    ip -n "$there" link set lo up
    ip -n "$there" link set eth0 up
    ip -n "$there" route add default via "$net.1"
    # Nobody listens for the packets; without this, each would be answered that
    # its port is unreachable, and the answers be counted.
    inside "$end" "$iptables -A INPUT -p udp -j DROP" || die "$iptables does not work here, see above: ${needs[$backend]}"
    wait_until 10 "the link to $end carries packets" inside "$end" "ping -q -c 1 -W 1 $net.1 >$dir/out"
}

make_router() {
    local end
    mkdir -m 755 "$dir"
    mkdir "$dir/snmp" "$dir/state"
    write_profile
    for end in router "${ends[@]}"; do
        ip netns add "$(space "$end")"
        # Only the packets of the demo shall pass.
        inside "$end" 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6' 2>"$dir/out" || :
    done
    ip -n "$name" link set lo up
    inside router 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    for end in "${ends[@]}"; do
        make_link "$end"
    done
}

# The total, then a chain for each town and two rules for each host.
write_rules() {
    local rules=() town host rule address
    rules+=("-A FORWARD")
    for town in town-a town-b; do
        rules+=("-N $town" "-A FORWARD -d ${network_of[$town]}.0/24 -j $town"
            "-A FORWARD -s ${network_of[$town]}.0/24 -j $town")
    done
    for host in "${hosts[@]}"; do
        town=${town_of[$host]} address=${address_of[$host]}
        rules+=("-A $town -d $address -m comment --comment $host"
            "-A $town -s $address -m comment --comment $host")
    done
    for rule in "${rules[@]}"; do
        inside router "$iptables -w $rule"
    done
}

# --- its agents -------------------------------------------------------------

# A process is known by its id and the time of its start: ids are used again.
start_time() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

is_alive() {
    [ -n "$2" ] && [ "$(start_time "$1")" = "$2" ]
}

# Starts a program in the router, in a session of its own: it survives the
# terminal, which --keep needs.
start() {
    local log=$1 pid
    shift
    setsid ip netns exec "$name" "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    echo "$pid $(start_time "$pid")" >>"$dir/processes"
    disown "$pid"       # its end is no news
}

start_agents() {
    cat >"$dir/snmpd.conf" <<END
agentaddress udp:127.0.0.1:161
master agentx
agentXSocket $dir/agentx
view townmeter included $mib_root
com2sec reader 127.0.0.1 public
com2sec writer 127.0.0.1 private
group readers v2c reader
group writers v2c writer
access readers "" v2c noauth exact townmeter none none
access writers "" v2c noauth exact townmeter townmeter none
END
    start "$dir/snmpd.log" snmpd -f -Le -C -c "$dir/snmpd.conf" -I -smux,mteTrigger,mteTriggerConf
    start_meter
}

start_meter() {
    log=$dir/townmeterd.log
    start "$log" townmeterd -f -x "$dir/agentx" -s "$dir/state" -S "$TOWNMETER_SOCKET" \
        -c "${config:-$root/packaging/townmeter.yaml.example}"
    wait_until 15 "snmpd and townmeterd answer" has_towns
}

# As a power cut ends it.
kill_meter() {
    local pid started
    read -r pid started < <(tail -n 1 "$dir/processes")
    # setsid and ip became the daemon itself.
    is_alive "$pid" "$started" || die "townmeterd ended by itself, see $log"
    kill -KILL "$pid"
    wait_until 5 "townmeterd is gone" is_gone "$pid" "$started"
}

is_gone() {
    ! is_alive "$@"
}

has_towns() {
    local towns
    towns=$(inside router "snmpget -v 2c -c public -t 1 -r 0 -OqvU 127.0.0.1 $mib_root.1.1.11.0" 2>"$dir/out") &&
        [ "$towns" = "${towns_at_first:-2}" ]
}

# --- its end ----------------------------------------------------------------

# Ends the processes of the router $1 that are listed, and no others.
end_processes() {
    local list=$run/$1/processes pid started
    [ -e "$list" ] || return 0
    while read -r pid started; do
        if is_alive "$pid" "$started"; then kill "$pid"; fi
    done <"$list"
    while read -r pid started; do
        local limit=$(($(milliseconds) + 5000))
        while is_alive "$pid" "$started"; do
            [ "$(milliseconds)" -lt "$limit" ] || kill -KILL "$pid" 2>/dev/null || :
            sleep 0.05
        done
    done <"$list"
}

# Removes the router $1, or what there is of it.
remove_router() {
    local end
    trap '' HUP INT PIPE TERM
    end_processes "$1" 2>/dev/null || :
    for end in "$1" "${ends[@]/#/$1-}"; do
        [ ! -e "/run/netns/$end" ] || ip netns delete "$end" || :
    done
    rm -rf "${run:?}/$1"
}

kept_routers() {
    local path found=()
    for path in "$run"/tm-demo-*; do
        [ ! -d "$path" ] || found+=("${path##*/}")
    done
    [ "${#found[@]}" -gt 0 ] || found=(none)
    echo "${found[*]}"
}

remove_kept() {
    [[ $1 =~ ^tm-demo-[0-9]+$ && -d $run/$1 ]] || die "there is no router $1; there are: $(kept_routers)"
    remove_router "$1"
    echo "demo: removed $1"
}
