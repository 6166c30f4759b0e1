# shellcheck shell=bash
# The engine works in the machine's network, and a killed one leaves its bridge and, for each of a few dozen container addresses,
# firewall rules. The next engine would not find them (CNI removes rules by the network namespaces they belong to, gone with the
# engine) and add its own, so they would pile up.

# clear_network : removes the bridge, and the rules that name the engine's network or its addresses; no others. Only to be called
# when this project's engine was started and has ended.
clear_network() {
    ip link delete "${NETWORK}0" 2>/dev/null || true
    undo nat "s/^-A (.* --comment \"name: \\\\\"$NETWORK\\\\\" .*)\$/-D \1/p" # one \ before a quote, as iptables-save prints
    undo filter "s/^-A (CNI-FORWARD -[sd] ${NETWORK_PREFIX/./\\.}\.[0-9.]+\/32 .*)\$/-D \1/p"
}

# undo TABLE EXPRESSION : applies the commands that the sed expression makes of a table's rules, then removes chains left empty.
undo() {
    local table=$1 commands
    commands=$(iptables-save -t "$table" 2>/dev/null | sed -nE "$2") || return 0
    [[ -n $commands ]] || return 0
    {
        printf '*%s\n%s\n' "$table" "$commands"
        # Each address has a chain for masquerading, named in its rule.
        sed -nE 's/.* -j (CNI-[0-9a-f]{24})$/-X \1/p' <<<"$commands"
        printf 'COMMIT\n'
    } | iptables-restore --noflush || say "could not remove the engine's rules from the firewall's table $table"
}
