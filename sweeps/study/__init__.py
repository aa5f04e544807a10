"""A study on disk or in a bucket: the files of its runs, who has claimed which, and its tables.

Start at `store.StudyDirectory`, which is written by many processes and read by anyone.
"""
