"""The refinement network: what the page network finds on drawn pages as material, and its training."""
