"""Errors, paths, settings, logging and job control. Standard library and appdirs only."""
