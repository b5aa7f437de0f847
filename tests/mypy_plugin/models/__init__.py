"""Whole models, as a user writes them; the mutants of `tests.mypy_plugin.mutants` are made of
these."""
