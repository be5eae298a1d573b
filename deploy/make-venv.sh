#!/bin/sh
# Make a virtual environment and install this checkout into it. Safe to run again.
#
#   sh deploy/make-venv.sh VENV EXTRAS [CAMERA]
#
# VENV     the folder to make
# EXTRAS   "" for the runtime only, or such as "[dev,workstation]"
# CAMERA   when not empty, use the system's Python and let the environment see its packages: picamera2 and
#          libcamera come by apt and cannot be installed by pip
#
# In the environment: PYTHON, which one to use; COPY_OF, a folder that holds a copy of this checkout, to install that
# as it is now, where otherwise changes to the checkout take effect at once.
set -eu

venv=$1 extras=$2 camera=${3:-}

say() { printf 'digitcam: %s\n' "$*" >&2; }

# apt_install PACKAGE: as root, or through sudo where it asks for no password or there is someone to ask.
apt_install() {
    say "installing $1 (Debian package)"
    if ! command -v apt-get >/dev/null; then
        say "cannot install it: this is no Debian; install what brings $1 by other means, and run this again"
        exit 2
    fi
    if [ "$(id -u)" = 0 ]; then
        apt-get install -y --no-install-recommends "$1" >&2
    elif command -v sudo >/dev/null; then
        sudo apt-get install -y --no-install-recommends "$1" >&2
    else
        say "cannot install it without root: apt-get install $1"
        exit 2
    fi
}

supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

python=
if [ -n "$camera" ]; then
    python=/usr/bin/python3
    if ! "$python" -c 'import picamera2' 2>/dev/null; then
        # apt itself would only say that it cannot locate a package.
        if ! apt-cache show python3-picamera2 >/dev/null 2>&1; then
            say "there is no python3-picamera2 here: a camera module needs a Raspberry Pi with Raspberry Pi OS (where it" \
                "is one, run: sudo apt-get update). For a USB camera: make run SOURCE=0; without a camera: make run"
            exit 2
        fi
        apt_install python3-picamera2
    fi
else
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if command -v "$name" >/dev/null && "$name" -c "$supported"; then
            python=$name
            break
        fi
    done
fi
if [ -z "$python" ] || ! "$python" -c "$supported"; then
    say "needs Python 3.11, 3.12 or 3.13; found $(python3 --version 2>&1 || true): install one, or PYTHON=/path/to/it"
    exit 2
fi

# Debian keeps what makes environments in a package of its own.
"$python" -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv

if [ ! -x "$venv/bin/pip" ]; then
    say "making $venv with $("$python" --version)"
    "$python" -m venv ${camera:+--system-site-packages} "$venv"
fi

# The system's picamera2 was compiled against the system's numpy: keep that one.
constraint="$venv/constraints.txt"
: >"$constraint"
if [ -n "$camera" ]; then
    "$python" -c 'import numpy; print("numpy==" + numpy.__version__)' >"$constraint" 2>/dev/null || : >"$constraint"
fi

say "installing digitcam$extras (a minute or two the first time)"
if [ -n "${COPY_OF:-}" ]; then
    set -- "$COPY_OF$extras"
else
    set -- --editable ".$extras"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check --constraint "$constraint" "$@"
