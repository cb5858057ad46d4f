"""What a reader touches: predictions, explorers, the map viewer, questions."""
