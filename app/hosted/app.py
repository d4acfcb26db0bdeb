"""Puts the hosted part onto a Flask application."""

from __future__ import annotations

from flask import Flask

from app.hosted.pages import create_hosted_blueprint
from app.hosted.services import HostedServices
from app.hosted.socket_server import SocketServer

HostedPart = SocketServer


def install_hosted(app: Flask, services: HostedServices) -> HostedPart:
    """Register the page, its socket and the upload."""
    part = SocketServer(app, services)
    app.register_blueprint(create_hosted_blueprint(services, part.namespace))
    return part
