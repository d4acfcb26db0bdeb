"""An integrator as small as can be, for trying things out: an honest client of the public HTTP API.

Nothing here reaches into the rest of the application. It runs in development mode only.
"""

from __future__ import annotations

from app.demo.routes import DemoSettings, create_demo_blueprint

__all__ = ["DemoSettings", "create_demo_blueprint"]
