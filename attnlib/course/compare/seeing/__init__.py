"""What a module does while it runs: where its attentions are, and what goes in and out of them."""
