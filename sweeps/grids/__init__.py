"""Grids: what a study asks for, as a YAML file, and the runs that come of it.

Start at `files.load_plan`. The grids that come with Ostinato lie here, named by their files, with the
JSON schema that an editor checks one by.
"""
