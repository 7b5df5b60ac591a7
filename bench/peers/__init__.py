"""Peers that run in an environment of their own; nothing here is imported by the product."""
