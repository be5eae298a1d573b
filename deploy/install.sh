#!/bin/sh
# Install digitcam as a service on Raspberry Pi OS 12 or 13 (or Debian). Safe to run again, which updates it.
#
#   sudo sh deploy/install.sh             install or update, then start
#   sudo sh deploy/install.sh --serve     the same, and let the service serve the web page, too
#   sudo sh deploy/install.sh --run       the same, and let it read only, as at first
#   sudo sh deploy/install.sh --remove    remove all but the settings and what was kept
#
# It makes /opt/digitcam (a virtual environment), /usr/local/bin/digitcam, digitcam.service, with --serve a drop-in for
# it, and, where there is none yet, /etc/digitcam.toml.
set -eu

home=/opt/digitcam
whole=$home/.whole # what $home was made with; there only while all of it is
command=/usr/local/bin/digitcam
settings=/etc/digitcam.toml
unit=/etc/systemd/system/digitcam.service
dropin=$unit.d/serve.conf

say() { printf 'digitcam: %s\n' "$*" >&2; }
refuse() {
    say "$*"
    exit 2
}

# in a chroot or a container there may be no systemd to talk to
with_systemd() {
    if [ -d /run/systemd/system ]; then
        systemctl "$@"
    fi
}

check_machine() {
    [ "$(id -u)" = 0 ] || refuse "needs root: sudo sh $0 $*"
    # shellcheck source=/dev/null
    . /etc/os-release
    case "${ID:-}-${VERSION_ID:-}" in
        debian-12 | debian-13 | raspbian-12 | raspbian-13) ;;
        *) refuse "expected Raspberry Pi OS or Debian 12 or 13, found ${PRETTY_NAME:-an unknown system}" ;;
    esac
}

install_all() {
    # pip writes into what it builds, and the checkout belongs to the user.
    copy=$(mktemp -d)
    trap 'rm -rf "$copy"' EXIT
    cp -R pyproject.toml README.md LICENSE edge models "$copy"

    apt-get update -qq
    camera=picamera
    if ! apt-cache show python3-picamera2 >/dev/null 2>&1; then
        say "python3-picamera2 is not to be had here: without it, the camera module cannot be read"
        camera=
    fi
    # An environment of another Python (after an upgrade of the system) is made anew, and so is one that a power cut
    # left half made: pip would take it for whole.
    made_with="$(/usr/bin/python3 --version), ${camera:-no camera module}"
    [ "$(cat "$whole" 2>/dev/null)" = "$made_with" ] || rm -rf "$home"
    rm -f "$whole"
    # Of the system's Python in any case: one in a home, as pyenv's, the service cannot see.
    PYTHON=/usr/bin/python3 COPY_OF=$copy sh deploy/make-venv.sh "$home" "[mqtt,video,web]" "$camera"
    printf '%s\n' "$made_with" >"$whole"

    ln -sfn "$home/bin/digitcam" "$command"
    [ -e "$settings" ] || install -m 644 deploy/digitcam.toml "$settings"
    install -m 644 deploy/digitcam.service "$unit"
    case $1 in
        --serve) install -D -m 644 deploy/serve.conf "$dropin" ;;
        --run) rm -f "$dropin" ;;
    esac
    systemctl enable --quiet digitcam.service
    with_systemd daemon-reload

    # The camera serves one program at a time: look first, then start.
    with_systemd stop digitcam.service
    if "$command" doctor; then
        say "installed; its readings: journalctl -u digitcam -f, and later: sudo digitcam history"
        [ ! -e "$dropin" ] || say "its page: http://$(hostname).local:8000, the token: /var/lib/digitcam/digitcam/token"
    else
        say "installed, but it cannot read yet (see above); it starts by itself when that is cured"
    fi
    with_systemd start --no-block digitcam.service
}

remove_all() {
    if [ -e "$unit" ]; then
        with_systemd stop digitcam.service
        systemctl disable --quiet digitcam.service
    fi
    rm -rf "$home" "$command" "$unit" "$unit.d"
    with_systemd daemon-reload
    say "removed; $settings and /var/lib/digitcam are left"
}

umask 022
check_machine "$@"
cd "$(dirname "$0")/.."
case "${1:-}" in
    "" | --serve | --run) install_all "${1:-}" ;;
    --remove) remove_all ;;
    *) refuse "expected nothing, --serve, --run or --remove, found $1" ;;
esac
