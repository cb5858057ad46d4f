"""After training, does the choice of a dial matter for how well the attention does?

`make study` measures it. The results are stored beside this file, and `results.load` reads them.
"""
