"""Starts Home Assistant in a folder of its own: python start.py FOLDER.

Its own start script wants Python 3.13.2; what it needs of it, 3.13.0 has, too.
"""

import sys

from homeassistant import runner

sys.exit(runner.run(runner.RuntimeConfig(config_dir=sys.argv[1], skip_pip=True)))
