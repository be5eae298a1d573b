import pytest

from edge.board import board, condition


@pytest.fixture
def pi(tmp_path):
    """The files that a Raspberry Pi shows, in a folder."""
    files = {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\0",
        "proc/meminfo": "MemTotal:  3884360 kB\nMemFree: 1000 kB\nMemAvailable:  2048000 kB\n",
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: ARMv7 Processor\n",
        "etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "sys/class/thermal/thermal_zone0/temp": "48200\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1800000\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_raspberry_pi_is_known_by_its_device_tree(pi):
    machine = board(pi)
    assert machine.model == "Raspberry Pi 4 Model B Rev 1.5"
    assert machine.is_raspberry_pi
    assert machine.system == "Debian GNU/Linux 12 (bookworm)"


def test_its_condition_is_read_from_the_kernel(pi):
    now = condition(pi)
    assert (now.governor, now.frequency_mhz, now.temperature_c) == ("ondemand", 1800, 48.2)
    assert now.memory_free_mb == 2000
    assert now.throttling == (
        "under-voltage now",
        "throttled now",
        "under-voltage since boot",
        "throttled since boot",
    )


def test_the_firmware_of_a_pi_5_is_found_under_its_longer_name(pi):
    old = pi / "sys/devices/platform/soc"
    new = pi / "sys/devices/platform/soc@107c000000"
    old.rename(new)
    (new / "soc:firmware").rename(new / "soc@107c000000:firmware")
    (new / "soc@107c000000:firmware/get_throttled").write_text("0\n")
    assert condition(pi).throttling == ()


def test_a_machine_that_tells_nothing_is_unknown(tmp_path):
    machine, now = board(tmp_path), condition(tmp_path)
    assert machine.model == "unknown model"
    assert not machine.is_raspberry_pi
    assert (now.governor, now.frequency_mhz, now.temperature_c, now.memory_free_mb) == (
        None,
        None,
        None,
        None,
    )


def test_this_machine_is_described():
    machine, now = board(), condition()
    assert machine.bits in {32, 64}
    assert machine.cpus >= 1
    assert now.load >= 0
