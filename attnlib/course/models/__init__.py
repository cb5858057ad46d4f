"""The whole networks round the attentions, with the published names of their parameters."""
