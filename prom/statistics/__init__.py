"""Survival and other statistics on plain values, each with its source."""
