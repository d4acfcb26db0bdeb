"""Puts the hosted part onto a Flask application."""

from __future__ import annotations

from flask import Flask

from app.hosted.brand import create_brand_blueprint
from app.hosted.embed_check import create_embed_check_blueprint
from app.hosted.pages import create_hosted_blueprint
from app.hosted.services import HostedServices
from app.hosted.socket_server import SocketServer

HostedPart = SocketServer


def install_hosted(app: Flask, services: HostedServices) -> HostedPart:
    """Register the page, its socket and the upload."""
    part = SocketServer(app, services)
    app.register_blueprint(create_hosted_blueprint(services, part.namespace))
    app.register_blueprint(create_brand_blueprint(services.read_logo))
    app.register_blueprint(create_embed_check_blueprint(services))
    return part
