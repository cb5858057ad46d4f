"""The parameters of one module brought into another, or why they do not go there."""
