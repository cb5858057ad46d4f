"""Does a difference matter for how well the attention does? A factorial, over many seeds.

`make study` measures it. The results are stored beside this file, and `results.load` reads
them. The way: `contrasts` lists what is asked, `design` which networks that takes, `jobs` trains
them (`ensemble`: several seeds as one), `statistics` gives each contrast its verdict, and
`sentences` makes sentences of the verdicts.
"""
