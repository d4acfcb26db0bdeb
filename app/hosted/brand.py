"""Organizations' logos, at an address that names their content."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response

from app.hosted.theme import install_theme
from app.services.keep_logo import ReadLogo

FOR_EVER = "public, max-age=31536000, immutable"


def create_brand_blueprint(read_logo: ReadLogo) -> Blueprint:
    """Open to everybody: a logo is shown to whoever has a link."""
    brand = Blueprint("brand", __name__)
    install_theme(brand)

    @brand.get("/brand/<uuid:organization_id>/<string(length=64):sha256>.png")
    def logo(organization_id: object, sha256: str) -> Response:
        png = read_logo(str(organization_id), sha256)
        if png is None:
            abort(404)
        response = make_response(png)
        response.headers["Content-Type"] = "image/png"
        response.headers["Cache-Control"] = FOR_EVER
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return brand
