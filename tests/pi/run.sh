#!/usr/bin/env bash
# The wheel where a Raspberry Pi is not: run.sh [camera] [arm64] [v4l2], all by default. As root, on Debian.
#
# DIGITCAM_LAB   folder in which what was built is kept, some 3 GB (default: ~/.cache/digitcam-pi-lab)
# PYTHON         a Python that has digitcam and what builds its wheel (default: .venv/bin/python)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."

lab=${DIGITCAM_LAB:-$HOME/.cache/digitcam-pi-lab}
export PYTHON=${PYTHON:-$PWD/.venv/bin/python}
[ $# != 0 ] || set -- camera arm64 v4l2

skip() { echo "pi-lab: $1: SKIPPED: $2"; }

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    skip "$*" "needs root on Debian"
    exit 0
fi
mkdir -p "$lab"
exec 9>"$lab/lock"
flock 9 # one at a time

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" -m build --quiet --wheel --outdir "$work" .
"$PYTHON" tests/pi/make_pages.py "$work"
cp tests/pi/*.py "$work/"

# built PART: whether the lab has it now; says why not, and fails where it is not for want of a download.
built() {
    local code=0
    bash "$here/lab.sh" "$1" "$lab" || code=$?
    [ $code = 0 ] && return
    [ $code = 75 ] || exit $code
    skip "$1" "it cannot be built here any more"
    return 1
}

# Into the root: the wheel, the tests, and the pages.
furnish() {
    rm -rf "$lab/camera/root/pi"
    cp -r "$work" "$lab/camera/root/pi"
    bash "$here/lab.sh" in-camera "$lab" sh -c 'pip install --quiet --no-deps --force-reinstall /root/pi/*.whl'
}

for part; do
    echo "pi-lab: $part"
    case $part in
    camera)
        built camera || continue
        furnish
        bash "$here/lab.sh" in-camera "$lab" sh -c 'cd /root/pi && python -m pytest -q -p no:cacheprovider camera.py'
        ;;
    arm64)
        built arm64 || continue
        for python in 3.11 3.13; do
            bash "$here/lab.sh" wheels "$lab" "$python" "$work"/*.whl
            (cd "$work" && bash "$here/lab.sh" in-arm64 "$lab" "$python" -m pytest -q -p no:cacheprovider arm64.py)
        done
        ;;
    v4l2)
        built camera && built v4l2 || continue
        furnish
        bash "$here/lab.sh" in-v4l2 "$lab" 'cd /root/pi && /opt/p2/bin/python -m pytest -q -p no:cacheprovider v4l2.py'
        ;;
    esac
done
