"""What a reader touches: predictions, exercises, explorers, the map viewer, questions."""
