"""What mark and refinement network have in common: both name what is in a patch, or nothing."""
