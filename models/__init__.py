"""The shipped model and its card; in the wheel this folder is `edge.models`."""
