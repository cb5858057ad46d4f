"""Where numbers go: a forward pass as a table, and tensors whose entries carry their index."""
