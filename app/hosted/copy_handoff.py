"""English texts of the way from a computer to a phone: on the computer, and on the phone before the check."""

from __future__ import annotations

from collections.abc import Mapping

from app.hosted.copy_troubles import N_

HANDOFF: Mapping[str, str] = {
    "handoff.offer": N_("Use your phone instead"),
    "handoff.title": N_("Continue on your phone"),
    "handoff.getting": N_("Making a link for your phone. This takes a moment."),
    "handoff.scan": N_("Point your phone's camera at this code, and open the link."),
    "handoff.match": N_("On the phone, choose this number:"),
    "handoff.code": N_("QR code with the link for your phone. “Copy the link” gives you the same link."),
    "handoff.note": N_("The link works once, for a limited time. Show it to nobody else."),
    "handoff.here": N_("Use this computer"),
    "handoff.new_link": N_("New link"),
    "handoff.expired": N_("This link has expired"),
    "handoff.expired_lead": N_("Links work for a limited time, to keep you safe. Make a new one and scan it."),
    "handoff.refused": N_("The numbers did not match"),
    "handoff.refused_lead": N_(
        "Another number was chosen on the phone, so the link no longer works. Make a new one if that was you."
    ),
    "handoff.limit": N_("No more links for this check"),
    "handoff.limit_lead": N_("You have made as many as there are. Go on with this computer's camera."),
    "handoff.failed": N_("No link for now"),
    "handoff.failed_lead": N_("Your connection may be weak. Try again in a moment."),
    "waiting_phone.title": N_("Continue on your phone"),
    "waiting_phone.note": N_("Keep this page open. It shows how far you are."),
    "waiting_phone.opening": N_("Your phone opens the check."),
    "waiting_phone.camera": N_("Start the camera on your phone."),
    "waiting_phone.align": N_("Put your face in the oval on your phone."),
    "waiting_phone.challenge": N_("Follow the movements: {done} of {total} done."),
    "waiting_phone.light": N_("Keep looking at your phone's screen."),
    "waiting_phone.capture": N_("Look straight at your phone's camera."),
    "waiting_phone.processing": N_("One moment, checking it's you."),
    "waiting_phone.away": N_("Your phone is not connected just now. When it is back, the check goes on there."),
    "waiting_phone.retry": N_("Your phone shows how to try again."),
    "waiting_phone.here": N_("Continue here"),
    "failed.handoff_over": N_("The check continues on your computer"),
    "failed.handoff_over_lead": N_("It was taken back there. You can close this page."),
    "outcome.on_phone": N_("Your phone takes you back to {organization}. You can close this page."),
    "outcome.on_computer": N_("Go back to your computer: it goes on there."),
}
"""Texts of the page's scripts; part of `MESSAGES`."""

HANDOFF_PAGE: Mapping[str, str] = {
    "title": N_("Confirm it's you on this phone"),
    "lead": N_("{organization} asks for a short check of your face."),
    "from_both": N_("Asked for from {browser} on {system}, {when}."),
    "from_one": N_("Asked for from {device}, {when}."),
    "from_none": N_("Asked for from a computer, {when}."),
    "which": N_("Which number does your computer show?"),
    "none": N_("None of these"),
    "note": N_("Go on only if you asked for this yourself, and that computer is in front of you."),
}

HANDOFF_PROBLEMS: Mapping[str, tuple[str, str]] = {
    "unknown": (N_("This link does not work"), N_("It may be incomplete. Scan the code on your computer again.")),
    "expired": (N_("This link has expired"), N_("On your computer, press “New link”, then scan again.")),
    "used": (
        N_("This link was used"),
        N_("It works once. If the check is not open on a phone, press “Continue here” on your computer."),
    ),
    "refused": (
        N_("The numbers did not match"),
        N_("To keep you safe, this link no longer works. On your computer, press “New link”, then scan again."),
    ),
    "void": (N_("There is a newer link"), N_("Scan the code that your computer shows now.")),
    "over": (N_("This check is over"), N_("There is nothing more to do here. You can close this page.")),
    "invalid": (N_("No number was chosen"), N_("Try again, and choose the number that your computer shows.")),
    "foreign": (N_("This page was not opened from its link"), N_("Scan the code on your computer again.")),
    "unavailable": (
        N_("Something went wrong on our side"),
        N_("It is not your doing. Try again in a moment."),
    ),
}
"""Why the phone cannot take the session: title, and what to do."""

TRY_AGAIN = N_("Try again")
