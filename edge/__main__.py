"""`python -m edge` is `digitcam`."""

from edge.commands import main

raise SystemExit(main())
