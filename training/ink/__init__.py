"""The ink network: marks in a grey picture which pixels are ink of handwritten digits."""
