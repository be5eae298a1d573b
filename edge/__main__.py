"""`python -m edge` is `digitcam`."""

from edge.cli import main

raise SystemExit(main())
