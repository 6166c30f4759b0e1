# shellcheck shell=bash
# The engine uses the machine's network namespace. A killed engine leaves its bridge there, and firewall rules for each of a few dozen
# container addresses. The next engine does not remove them, because CNI finds rules by network namespaces that are gone, so they
# would pile up.

# clear_network : removes the bridge and the rules that contain the engine's network name or addresses, and no others. Call it only
# after this project's engine was started and has ended.
clear_network() {
    ip link delete "${NETWORK}0" 2>/dev/null || true
    delete_rules nat "s/^-A (.* --comment \"name: \\\\\"$NETWORK\\\\\" .*)\$/-D \1/p" # iptables-save prints \" for a quote
    delete_rules filter "s/^-A (CNI-FORWARD -[sd] ${NETWORK_PREFIX/./\\.}\.[0-9.]+\/32 .*)\$/-D \1/p"
}

# delete_rules TABLE EXPRESSION : runs the delete commands that the sed expression makes from a table's rules, then removes the chains
# that they used.
delete_rules() {
    local table=$1 commands
    commands=$(iptables-save -t "$table" 2>/dev/null | sed -nE "$2") || return 0
    [[ -n $commands ]] || return 0
    {
        printf '*%s\n%s\n' "$table" "$commands"
        # Each address has a masquerading chain, which its rule jumps to.
        sed -nE 's/.* -j (CNI-[0-9a-f]{24})$/-X \1/p' <<<"$commands"
        printf 'COMMIT\n'
    } | iptables-restore --noflush ||
        log "warning: could not remove the engine's rules from the firewall's table $table; see them with \`iptables-save -t $table\`"
}
