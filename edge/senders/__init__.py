"""Threads that take messages out of the outbox, send them to where people look, and acknowledge them."""
