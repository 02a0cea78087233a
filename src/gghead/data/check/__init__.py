"""Looks at a dataset before anybody trains on it: facts, warnings, a contact sheet."""
