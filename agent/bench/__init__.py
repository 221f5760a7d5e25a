"""Measuring: benchmarks, what is run on them, and the figures that come out."""
