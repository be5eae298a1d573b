"""The workstation: MNIST, the network, its training and its evaluation. Runs from a checkout."""
