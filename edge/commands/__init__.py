"""The command line: one file a verb, which holds its options and the function that does it.

Results go to standard output, everything else to standard error. Exit codes: 0 done; 2 bad usage or input;
1 anything else.
"""

from edge.commands.main import VERBS, main, understand

__all__ = ["VERBS", "main", "understand"]
