"""The mark network: training material from drawn pages of numbers, the network, and its training."""
