#!/usr/bin/env bash
# Builds what stands in for a Raspberry Pi, and enters it; README.md says what is real in it. As root, on Debian.
#
#   lab.sh camera DIR             build DIR/camera: Debian 13 with picamera2 on libcamera's virtual camera
#   lab.sh in-camera DIR CMD...   run CMD in it; python is the one that has picamera2
#   lab.sh arm64 DIR              build DIR/arm64: qemu, and 64-bit ARM Pythons 3.11 and 3.13 with the wheels they need
#   lab.sh in-arm64 DIR 3.11 ...  run that Python
#   lab.sh v4l2 DIR               build DIR/v4l2: a kernel with the virtual V4L2 camera (vivid), and qemu
#   lab.sh in-v4l2 DIR CMD        boot it on DIR/camera's files, run CMD there, and end as it ended
#
# What is there already is kept. Exit code 75: something is not to be had any more; any other failure is a failure.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
verb=${1:?verb}
mkdir -p "${2:?folder}"
dir=$(cd "$2" && pwd)
shift 2
root=$dir/camera
libcamera=/root/lc/libcamera-0.7.2

gone() { echo "pi-lab: not to be had: $1" >&2; exit 75; }

# install COMMAND PACKAGE: on this machine, where the command is missing.
install() { command -v "$1" >/dev/null || apt-get install -y -qq --no-install-recommends "$2" >/dev/null || gone "$2"; }

mirror() {
    # The archive that this machine uses itself.
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } |
        grep -oE '(https?|file)://[^ ]+' | grep -vE 'security|snapshot' | sed -n 1p || true
}

# enter CMD...: in the camera's root, with /proc and /dev mounted for as long as it takes.
enter() {
    unshare --mount sh -c 'mount --bind /proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" "$@"' "$root" "$@"
}

build_camera() {
    local archive
    archive=$(mirror)
    [ -n "$archive" ] || gone "an archive of packages: this machine's apt has none"
    install mmdebstrap mmdebstrap
    if [ ! -f "$root/done-root" ]; then
        rm -rf --one-file-system "$root"
        mmdebstrap --quiet --variant=apt --include=ca-certificates,python3,python3-venv,python3-pip,python3-prctl,python3-numpy \
            trixie "$root" "$archive" || gone "a trixie root"
        cp /etc/resolv.conf "$root/etc/"
        cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
        cp /etc/pip.conf "$root/etc/" 2>/dev/null || true
        echo "deb-src $archive sid main" >"$root/etc/apt/sources.list.d/src.list"
        enter apt-get -qq -o Acquire::Check-Valid-Until=false update || gone "sid's list of sources"
        enter apt-get -qq install -y --no-install-recommends dpkg-dev g++ meson ninja-build pkgconf openssl \
            libyaml-dev libyuv-dev libjpeg-dev libgnutls28-dev libpython3-dev python3-pybind11 pybind11-dev \
            python3-jinja2 python3-ply python3-yaml libevent-dev libudev-dev >/dev/null || gone "what builds libcamera"
        touch "$root/done-root"
    fi
    if [ ! -f "$root/done-libcamera" ]; then
        enter sh -c 'rm -rf /root/lc && mkdir -p /root/lc && cd /root/lc && apt-get -qq source --download-only libcamera=0.7.2-1 && dpkg-source -x libcamera_0.7.2-1.dsc' \
            >/dev/null 2>&1 || gone "libcamera 0.7.2-1"
        patch --quiet -d "$root$libcamera" -p1 <"$here/virtual.patch"
        enter sh -c "cd $libcamera && meson setup build --buildtype=plain -Dcpp_args=-O1 -Dc_args=-O1 -Dpipelines=virtual \
            -Dipas= -Dpycamera=enabled -Dcam=disabled -Dqcam=disabled -Dgstreamer=disabled -Ddocumentation=disabled \
            -Dlc-compliance=disabled -Dtracing=disabled -Dv4l2=disabled -Dlibdw=disabled -Dlibunwind=disabled -Dsoftisp-gpu=disabled &&
            ninja --quiet -C build src/libcamera/libcamera.so.0.7.2 src/py/libcamera/_libcamera.cpython-313-x86_64-linux-gnu.so" >&2
        cp "$here/shim.c" "$root/root/"
        enter gcc -shared -fPIC -O2 -o /root/shim.so /root/shim.c -ldl
        mkdir -p "$root/root/stubs" "$root/root/frames"
        cp "$here/kms.py" "$root/root/stubs/"
        touch "$root/done-libcamera"
    fi
    if [ ! -f "$root/done-python" ]; then
        enter python3 -m venv --system-site-packages /opt/p2
        enter /opt/p2/bin/pip install --quiet --disable-pip-version-check picamera2==0.3.38 \
            ai-edge-litert opencv-python-headless pillow flatbuffers rich pytest "numpy==$(enter python3 -c 'import numpy; print(numpy.__version__)')" ||
            gone "picamera2 0.3.38 or a wheel that digitcam needs"
        touch "$root/done-python"
    fi
}

build_arm64() {
    local archive pair suite python
    archive=$(mirror)
    [ -n "$archive" ] || gone "an archive of packages: this machine's apt has none"
    install mmdebstrap mmdebstrap
    mkdir -p "$dir/arm64"
    cd "$dir/arm64"
    if [ ! -x qemu-aarch64 ]; then
        # Debian 12's own qemu crashes LiteRT; Debian 13's is static and runs here.
        mmdebstrap --quiet --variant=extract --include=qemu-user trixie q "$archive" || gone "trixie's qemu-user"
        cp q/usr/bin/qemu-aarch64 .
        rm -rf q
    fi
    for pair in bookworm:3.11 trixie:3.13; do
        suite=${pair%:*} python=${pair#*:}
        if [ ! -f "$python/done" ]; then
            rm -rf "$python"
            mmdebstrap --quiet --arch=arm64 --variant=extract --include=python3-minimal,libpython3-stdlib,libgcc-s1,libstdc++6 \
                "$suite" "$python" "$archive" || gone "$suite for arm64"
            for link in lib bin sbin; do [ -e "$python/$link" ] || ln -s "usr/$link" "$python/$link"; done
            touch "$python/done"
        fi
        if [ ! -f "$python/wheels/done" ]; then
            rm -rf "$python/wheels"
            wheels "$python" ai-edge-litert numpy opencv-python-headless pillow flatbuffers rich markdown-it-py mdurl pygments \
                typing-extensions protobuf ml_dtypes tqdm backports.strenum pytest iniconfig packaging pluggy || gone "arm64 wheels for $python"
            touch "$python/wheels/done"
        fi
    done
}

# wheels 3.11 WHAT...: install wheels for that Python on ARM, without what they depend on.
wheels() {
    local python=$1 abi=cp${1/./}
    shift
    "${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --upgrade --no-deps --only-binary=:all: \
        --platform manylinux_2_34_aarch64 --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
        --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 --python-version "$python" \
        --implementation cp --abi "$abi" --abi abi3 --abi none --target "$dir/arm64/$python/wheels" "$@"
}

build_v4l2() {
    local package version module path
    [ -f "$root/done-python" ] || gone "DIR/camera, whose files it boots on"
    install qemu-system-x86_64 qemu-system-x86
    install busybox busybox-static
    install cpio cpio
    install depmod kmod
    [ -f "$dir/v4l2/done" ] && return
    rm -rf "$dir/v4l2"
    mkdir -p "$dir/v4l2" && cd "$dir/v4l2"
    package=$(apt-cache depends linux-image-amd64 | awk '/Depends/ {print $2; exit}')
    apt-get download -qq "$package" >&2 || gone "a kernel"
    dpkg -x linux-image*.deb kernel
    rm linux-image*.deb
    version=$(ls kernel/lib/modules)
    depmod -b "$PWD/kernel" "$version"
    mkdir -p initrd/bin initrd/m initrd/r
    cp "$(command -v busybox)" initrd/bin/busybox
    cp "$here/vm-init" initrd/init
    for module in virtio_pci 9pnet_virtio 9p vivid; do
        modprobe -d "$PWD/kernel" -S "$version" --show-depends $module | awk '/^insmod/ {print $2}'
    done | awk '!seen[$0]++' | while read -r path; do
        cp "$path" initrd/m/
        basename "$path"
    done >initrd/mods
    touch done
}

boot() {
    local version
    cd "$dir/v4l2"
    version=$(ls kernel/lib/modules)
    printf '%s\n' "$*" >initrd/cmd
    (cd initrd && find . | cpio -o -H newc --quiet | gzip) >initrd.gz
    # Without KVM: nested virtualization is rare, and half a minute is bearable. On a busy machine the kernel would
    # take the emulated timer for broken (no_timer_check).
    timeout 900 qemu-system-x86_64 -accel tcg -m 1024 -nographic -no-reboot -kernel "kernel/boot/vmlinuz-$version" -initrd initrd.gz \
        -virtfs "local,path=$root,mount_tag=root,security_model=none,id=r" -append 'console=ttyS0 panic=-1 quiet no_timer_check' </dev/null | tee log
    grep -q '^EXIT 0' <(tr -d '\r' <log)
}

case $verb in
camera) build_camera ;;
in-camera)
    enter env -i PATH=/opt/p2/bin:/usr/bin:/bin HOME=/root PYTHONPATH="$libcamera/build/src/py:/root/stubs" \
        LD_PRELOAD=/root/shim.so LIBCAMERA_LOG_LEVELS='*:FATAL' "$@"
    ;;
arm64) build_arm64 ;;
wheels) wheels "$@" ;;
in-arm64)
    python=$1 where=$dir/arm64/$1
    shift
    QEMU_CPU=cortex-a72 OPENBLAS_NUM_THREADS=1 PYTHONPATH=$where/wheels \
        "$dir/arm64/qemu-aarch64" -L "$where" "$where/usr/bin/python$python" "$@"
    ;;
v4l2) build_v4l2 ;;
in-v4l2) boot "$@" ;;
*)
    echo "pi-lab: unknown verb $verb" >&2
    exit 2
    ;;
esac
