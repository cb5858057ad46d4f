"""all-MiniLM-L6-v2, a small language model, frozen: its files, its tokenizer, its layers.

`model.load` gives the model.
"""
