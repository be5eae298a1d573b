# picamera2 imports a KMS binding for its on-screen preview only
from unittest.mock import MagicMock as _M

PixelFormats = _M()
Card = _M()
