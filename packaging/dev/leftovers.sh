#!/usr/bin/env bash
# Runs a command and fails when it leaves a process or a temporary file behind.
#
#   packaging/dev/leftovers.sh make test
#
# The command gets a temporary folder of its own (TMPDIR), which must be empty afterwards; its processes are known by a
# mark in their environment or by working in that folder. Prints nothing when nothing is left.
set -euo pipefail

# Children of a program that was just ended get this long to notice.
readonly GRACE_TENTHS=50

folder=$(mktemp -d "${TMPDIR:-/tmp}/agog-run-XXXXXX")
chmod 711 "$folder" # servers that run as another user pass through it
trap 'rm -rf "$folder"' EXIT

status=0
TMPDIR="$folder" AGOG_LEFTOVERS_MARK="$folder" "$@" || status=$?

processes() {
    local process pid
    for process in /proc/[0-9]*; do
        pid=${process#/proc/}
        [ "$pid" != $$ ] && [ "$pid" != "$BASHPID" ] || continue
        # A zombie has ended; only its parent has not looked yet.
        ! grep -qs '^State:.Z' "$process/status" || continue
        if grep -qsF "AGOG_LEFTOVERS_MARK=$folder" "$process/environ" || [[ "$(readlink "$process/cwd" 2>/dev/null)" == "$folder"* ]]; then
            printf '  process %s: %s\n' "$pid" "$(tr '\0' ' ' 2>/dev/null <"$process/cmdline" | cut -c 1-120)"
        fi
    done
}
files() { find "$folder" -mindepth 1 -maxdepth 2 -printf '  file %p\n' 2>/dev/null; }

left=
for ((i = 0; i < GRACE_TENTHS; i++)); do
    left=$(processes; files)
    [ -n "$left" ] || break
    sleep 0.1
done
if [ -n "$left" ]; then
    printf 'leftovers: `%s` left behind:\n%s\n' "$*" "$left" >&2
    [ "$status" != 0 ] || status=1
fi
exit "$status"
