"""How a stranger's module is called, in which forms it takes tokens, and what stands in the way."""
