"""Diagnosis of how a service is set up: its parts are tried as the service uses them, with what to do about each."""

from filmroom.services.diagnosis.findings import Finding, Level, ok, problem, warning

__all__ = ["Finding", "Level", "ok", "problem", "warning"]
