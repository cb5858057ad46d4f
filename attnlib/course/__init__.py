"""What the lessons need round the two attentions: data, plots, comparisons, exercises."""
