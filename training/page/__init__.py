"""The page network: sees where digits are on a page, which, and what else is written there."""
