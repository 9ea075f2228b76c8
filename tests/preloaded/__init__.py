"""A process that has loaded what takes longest to load, and forks those who need it.

Loading torch and the models' code takes a process ten seconds of processor time, and a run of all tests starts some
thirty such processes. `server` loads it once; `forked.Forked` asks it for a process, which goes on as
`python ARGUMENTS` would.
"""
