"""Readers of device exports, one module per format; each yields records and keeps nothing."""
