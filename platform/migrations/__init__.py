"""Migrations of both stores."""
