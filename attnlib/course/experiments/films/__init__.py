"""`FrameScorer` on real shots: a task, its training, and what came out.

`make scorer` trains all of it again, and stores the results and the scorer beside this file.
"""
