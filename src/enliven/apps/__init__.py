"""Thin: parse, call, report."""
