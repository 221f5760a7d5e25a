"""What a home tells a monitoring system: figures in Prometheus' format, and whether all is well."""

from __future__ import annotations
