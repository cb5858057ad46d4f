"""What was trained, how, and what came out; the results are stored beside the code."""
