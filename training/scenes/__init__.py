"""Scenes: pictures of handwriting under all that a camera meets, drawn from a seed, each with its truth.

bank = load_bank(split="train")
scene = draw_scene(np.random.default_rng(0), bank, size=(480, 640))
"""

from training.scenes.bank import GlyphBank, load_bank
from training.scenes.scene import Scene, SceneDigit, draw_scene

__all__ = ["GlyphBank", "Scene", "SceneDigit", "draw_scene", "load_bank"]
