"""Every text of the hosted page, in English; the catalogues in `app/translations` have the others.

The page's scripts hold no text of their own: they get these with the boot data, by key. `{name}` stands
for a value that the page fills in. A prompt has at most eight words, a hint says what to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from app.hosted.copy_handoff import HANDOFF
from app.hosted.copy_troubles import N_, OUTCOMES, TROUBLES

Translate = Callable[[str], str]
"""gettext for the language of the session."""

CONSENT_VERSION = "2026-11-1"
"""Grows with every change of the consent text; stored with the session beside the text's hash."""

CONSENT_PARTS = (
    "consent.title",
    "consent.lead",
    "consent.point_what",
    "consent.point_why",
    "consent.point_keep",
    "consent.full_who",
    "consent.full_what",
    "consent.full_why",
    "consent.full_keep",
    "consent.full_rights",
)
"""Keys of the texts that a person agrees to, in the order in which the page shows them."""
FULL_TEXT = "consent.full_"
"""Those of the full text, behind the summary."""


CONSENT: Mapping[str, str] = {
    "consent.title": N_("Confirm it's you"),
    "consent.lead": N_("{organization} asks you to show that you are the person they verified before."),
    "consent.point_what": N_("A short video of your face, and a few photos from it."),
    "consent.point_why": N_("Only to check that you are here, and that it is you, for {organization}."),
    "consent.point_keep": N_(
        "The video is not kept. The photos are kept encrypted, and erased when they are not needed."
    ),
    "consent.full": N_("Read the full text"),
    "consent.full_who": N_(
        "Who: {organization} decides why and how your data are used. "
        "Bonafide is the software that takes the pictures for them."
    ),
    "consent.full_what": N_(
        "What: while the camera is on, video of your face is sent and measured, and a few photos are kept. "
        "Your face is turned into numbers and compared with the portrait from your earlier verification. "
        "These are biometric data."
    ),
    "consent.full_why": N_(
        "Why: to make sure that a living person is in front of the camera, and the same one as before. "
        "They are used for nothing else."
    ),
    "consent.full_keep": N_(
        "How long: video is measured and dropped at once. Some of the measurements are kept encrypted, to explain "
        "the result and to notice a recording that is shown again. The photos and the result are stored encrypted "
        "for as long as {organization}'s published retention policy says, and then erased."
    ),
    "consent.full_rights": N_(
        "Your choice: you can decline, and no picture is taken. You can ask {organization} for another way, "
        "for a copy, or for erasure, and take this consent back at any time."
    ),
    "consent.accept": N_("Agree and continue"),
    "consent.decline": N_("I don't agree"),
    "decline.title": N_("Decline to be checked?"),
    "decline.lead": N_(
        "Without your agreement this check ends here, and {organization} is told that you declined. "
        "No picture is taken."
    ),
    "decline.stay": N_("Go back"),
    "decline.confirm": N_("Yes, decline"),
}

GUIDANCE: Mapping[str, str] = {
    "boot.title": N_("Getting things ready"),
    "boot.lead": N_("Connecting securely. This takes a moment."),
    "precheck.title": N_("Get ready for the camera"),
    "precheck.lead": N_("It takes about 20 seconds. You follow a few movements."),
    "precheck.point_light": N_("Face a light, with no bright window behind you."),
    "precheck.point_face": N_("Uncover your face: no mask, cap or dark glasses."),
    "precheck.point_level": N_("Hold the camera at eye level, and be alone in the picture."),
    "precheck.note": N_("Next, your browser may ask to use the camera. Choose “Allow”."),
    "precheck.start": N_("Start camera"),
    "asking.title": N_("Allow the camera"),
    "asking.lead": N_("Your browser asks whether this page may use the camera. Choose “Allow”."),
    "asking.slow": N_("No answer yet. Look at the top of your browser, choose “Allow”, or try again."),
    "asking.note": N_("The video is used for this check only."),
    "prompt.align": N_("Put your face in the oval"),
    "prompt.hold": N_("Good. Hold still"),
    "prompt.head_turn_left": N_("Turn your head slowly to your left"),
    "prompt.head_turn_right": N_("Turn your head slowly to your right"),
    "prompt.look_up": N_("Lift your chin and look up"),
    "prompt.look_down": N_("Lower your chin and look down"),
    "prompt.blink": N_("Close your eyes for a moment"),
    "prompt.smile": N_("Smile, then relax your face"),
    "prompt.mouth": N_("Open your mouth wide, then close it"),
    "prompt.approach": N_("Move closer, then back again"),
    "prompt.passed": N_("Well done"),
    "prompt.not_passed": N_("That didn't work"),
    "prompt.light": N_("Keep looking at the screen"),
    "prompt.capture": N_("Look straight at the camera"),
    "prompt.uploading": N_("One moment, sending your photo"),
    "prompt.processing": N_("One moment, checking it's you"),
    "prompt.step": N_("Step {index} of {total}"),
    "prompt.time_left": N_("{seconds} s left"),
    "hint.no_face": N_("Show your face to the camera"),
    "hint.no_face_more": N_("Show your whole face, without mask or cap"),
    "hint.multiple_faces": N_("Make sure you are alone in the picture"),
    "hint.too_far": N_("Move a little closer"),
    "hint.too_close": N_("Move a little back"),
    "hint.off_centre": N_("Move your face into the oval"),
    "hint.off_centre_left": N_("Move a little to your left"),
    "hint.off_centre_right": N_("Move a little to your right"),
    "hint.off_centre_up": N_("Move a little up"),
    "hint.off_centre_down": N_("Move a little down"),
    "hint.eyes_not_visible": N_("Open your eyes, and keep them free"),
    "hint.eyes_not_visible_more": N_("Take off glasses, or push back your hair"),
    "hint.too_dark": N_("Find some more light"),
    "hint.too_dark_more": N_("Turn on a lamp, or face a window"),
    "hint.too_bright": N_("Move out of the bright light"),
    "hint.too_bright_more": N_("Turn away from the lamp or the sun"),
    "hint.uneven_light": N_("Turn until light falls on your whole face"),
    "hint.uneven_light_more": N_("Face the lamp or window straight on"),
    "hint.blurry": N_("Hold still for a sharp picture"),
    "hint.blurry_more": N_("Wipe the lens, and keep the camera still"),
    "hint.face_covered": N_("Keep mouth, nose and eyes uncovered"),
    "hint.face_covered_more": N_("Take off mask or dark glasses, hands away"),
    "hint.look_straight": N_("Look straight at the camera"),
    "hint.hold_still": N_("Hold still"),
    "hint.return_to_centre": N_("Good. Face the camera again"),
    "hint.move_back": N_("Good. Move back again"),
    "hint.open_eyes": N_("Good. Open your eyes"),
    "hint.relax_face": N_("Relax your face"),
    "hint.keep_going": N_("A little further"),
    "hint.keep_going_more": N_("Further, slowly: make the movement bigger"),
    "hint.wrong_way": N_("The other way"),
    "hint.help": N_("Having trouble? Press the question mark"),
    "spoken.passed": N_("Step {index} done."),
    "spoken.no_face": N_("The camera does not see your face. Hold it in front of you, at eye level."),
    "spoken.copied": N_("Link copied."),
    "help.title": N_("What helps"),
    "help.light": N_("Light in front of you works best; a window or lamp behind you does not."),
    "help.distance": N_("Keep your face inside the oval, close enough to fill it."),
    "help.glasses": N_("If your glasses shine, take them off for a moment."),
    "help.mirror": N_("The picture is a mirror: your left is on the left."),
    "help.back": N_("Go back"),
    "help.swap": N_("I can't do this movement"),
    "help.swap_refused": N_("This movement cannot be changed any more."),
    "help.needs": N_("I need something different"),
    "help.speak": N_("Read prompts aloud"),
    "needs.open": N_("I need something different"),
    "needs.title": N_("What would help you?"),
    "needs.lead": N_("This stays with this check. You can change it later under help."),
    "needs.more_time": N_("More time for each step"),
    "needs.speak": N_("Read the prompts aloud"),
    "needs.avoid": N_("Do not ask me to"),
    "needs.head_turn": N_("turn my head"),
    "needs.look": N_("look up or down"),
    "needs.blink": N_("close my eyes"),
    "needs.smile": N_("smile"),
    "needs.mouth": N_("open my mouth"),
    "needs.approach": N_("move closer"),
    "needs.flash": N_("look at changing colours of light"),
    "needs.note": N_("If little is left that you can do, a person looks at your check."),
    "needs.save": N_("Save"),
    "link.title": N_("Copy this link"),
    "link.lead": N_("Mark the address, copy it, and open it in your browser."),
    "link.address": N_("Link to this check"),
    "cameras.title": N_("Choose a camera"),
    "cameras.lead": N_("Pick the one that shows your face. The check then starts again."),
    "cameras.only_one": N_("Your browser offers no other camera."),
    "cameras.unnamed": N_("Camera {number}"),
    "light.title": N_("Next, the screen lights up"),
    "light.lead": N_(
        "It shines on your face in a few colours, for about five seconds. Hold still and look at it."
    ),
    "light.point_slow": N_("The colours change slowly: at most twice a second."),
    "light.point_warning": N_("If changing light harms you, as with photosensitive epilepsy, skip this step."),
    "light.note": N_("If you skip it, your check may be looked at by a person."),
    "light.accept": N_("Continue"),
    "light.decline": N_("Skip the lights"),
    "action.try_again": N_("Try again"),
    "action.try_now": N_("Try now"),
    "action.reload": N_("Reload the page"),
    "action.other_camera": N_("Choose another camera"),
    "action.copy_link": N_("Copy the link"),
    "action.continue": N_("Continue"),
    "action.close": N_("Close"),
    "action.help": N_("Help"),
    "action.change_camera": N_("Change camera"),
    "action.leave": N_("Leave"),
    "leave.title": N_("Leave this check?"),
    "leave.lead": N_("It then ends without a result, and {organization} is told that you left."),
    "leave.stay": N_("Stay"),
    "leave.confirm": N_("Leave"),
    "leave.waiting": N_("This check ends as soon as the service answers"),
}

MESSAGES: Mapping[str, str] = {**CONSENT, **GUIDANCE, **TROUBLES, **OUTCOMES, **HANDOFF}


def page_messages(translate: Translate) -> dict[str, str]:
    """All texts of the page by key, for the boot data."""
    return {key: translate(text) for key, text in MESSAGES.items()}


def consent_text(translate: Translate, organization_name: str, own: Sequence[str] | None = None) -> str:
    """The text that a person agrees to, as it stands on the page, one paragraph a line.

    `own` are the organization's own paragraphs, in the place of the full text.
    """
    keys = [key for key in CONSENT_PARTS if own is None or not key.startswith(FULL_TEXT)]
    parts = [*(translate(CONSENT[key]) for key in keys), *(own or ())]
    return "\n".join(part.replace("{organization}", organization_name) for part in parts)


def consent_hash(translate: Translate, organization_name: str, own: Sequence[str] | None = None) -> str:
    """SHA-256 (hex) of the text agreed to, stored with the session as proof of its wording."""
    return hashlib.sha256(consent_text(translate, organization_name, own).encode()).hexdigest()
