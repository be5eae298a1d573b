"""The workstation: turn a trained network into a `.tflite` file for the board, and prove it."""
