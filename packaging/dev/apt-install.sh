#!/usr/bin/env bash
# Installs Debian packages as root without letting the services that come with them run: AGOG's tests and
# demo start a PostgreSQL and a broker of their own. Called by setup.sh; not for production machines.
#
#   apt-install.sh PACKAGE…
set -euo pipefail

readonly POLICY=/usr/sbin/policy-rc.d
readonly KEPT=/usr/sbin/policy-rc.d.before-agog
readonly SERVICES=(postgresql mosquitto)
export DEBIAN_FRONTEND=noninteractive

# A service is left as it is (running or not) while its package is installed; only one that is new here is ours to switch off.
guarded=()
new=()
for service in "${SERVICES[@]}"; do
    case " $* " in *" $service "*) guarded+=("$service") ;; *) continue ;; esac
    [ -e "/etc/init.d/$service" ] || new+=("$service")
done

remove_guard() {
    ! grep -qs "AGOG's set-up" "$POLICY" || rm -f "$POLICY"
    [ ! -e "$KEPT" ] || mv "$KEPT" "$POLICY"
}
# Package scripts ask policy-rc.d before they start or stop a service: 101 means "do not".
put_guard() {
    remove_guard # one that an interrupted run may have left
    [ ! -e "$POLICY" ] || mv "$POLICY" "$KEPT"
    cat >"$POLICY" <<POLICY_END
#!/bin/sh
# Put here by AGOG's set-up while it installs packages; it removes this again.
for service in ${guarded[*]}; do
    case "\$1" in "\$service" | "\$service".service | "\$service"@*) exit 101 ;; esac
done
[ ! -x $KEPT ] || exec $KEPT "\$@"
exit 104
POLICY_END
    chmod 755 "$POLICY"
}

if [ ${#guarded[@]} -gt 0 ]; then
    trap remove_guard EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    put_guard
fi

# apt and the packages say a line per file; it matters only when something fails.
apt() {
    local said
    said=$(apt-get --quiet=2 -o DPkg::Lock::Timeout=120 "$@" </dev/null 2>&1) || { printf '%s\n' "$said" | tail -n 20 >&2; return 1; }
}
install_packages() { apt --yes --no-install-recommends install "$@"; }

# Package lists may be absent (containers) or so old that their files are gone.
if ! apt-cache show "$@" >/dev/null 2>&1 || ! install_packages "$@"; then
    echo "setup: renewing apt's package lists"
    apt update
    install_packages "$@"
fi

# What we brought shall not start with the machine either.
if [ -d /run/systemd/system ]; then
    for service in "${new[@]}"; do
        [ -e "/etc/init.d/$service" ] || continue
        echo "setup: $service stays off (it is needed as a program, not as a service)"
        systemctl --quiet disable "$service" || true
    done
fi
