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
    local process
    {
        grep -lsF "AGOG_LEFTOVERS_MARK=$folder" /proc/[0-9]*/environ || true
        find /proc/[0-9]*/cwd -maxdepth 0 -lname "$folder*" 2>/dev/null || true
    } | cut -d / -f 1-3 | sort -u | while read -r process; do
        # A zombie has ended; only its parent has not looked yet.
        ! grep -qs '^State:.Z' "$process/status" || continue
        [ ! -r "$process/cmdline" ] || printf '  process %s: %s\n' "${process#/proc/}" "$(tr '\0' ' ' <"$process/cmdline" | cut -c 1-120)"
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
