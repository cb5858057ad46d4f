"""A class on JupyterHub: `make hub` tries it on one machine, docs/hub.md says what to do for real.

accounts      what a student's process may be, and may use
warm, jupyter a kernel forked from a process that has imported the lessons already
delivery      each student's copies of the lessons
classroom     the teacher's page: who is on, and the class's table; collecting reads what it sums
jupyterhub_config.py, server.py     the hub, and each student's server
tryout, door  one machine with accounts that exist only there
student, load what a browser sends; how much thirty of them take
"""
