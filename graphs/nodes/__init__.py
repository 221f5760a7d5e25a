"""Nodes: plain functions that return the keys they changed. No wiring here."""
