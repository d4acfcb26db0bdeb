"""The SDK on a site of another origin, third-party cookies blocked; and what the embed check tells of frames."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from e2e.capture_page import CapturePage
from e2e.conftest import DESKTOP, Conduct, LaunchBrowser, OpenPage
from e2e.integrator import Integrator
from e2e.test_troubles import CAMERA
from tests.live_server import Api, LiveServer
from tests.portrait import close_up, jpeg
from tests.test_embedding_docs import snippet

SHOP = """<!doctype html><meta name="viewport" content="width=device-width"><title>Shop</title>
<link rel="icon" href="data:,"><button id="go">Verify</button><div id="place"></div>
<script type="module">
  import * as sdk from "{server}/static/sdk/bonafide.js";
  window.events = [];
  const onEvent = ({{ type, detail }}) => window.events.push({{ type, detail }});
  document.getElementById("go").onclick = () => {{ sdk.open("{url}", {{ ...window.wishes, onEvent }}); }};
  document.body.dataset.ready = "";
</script>{more}"""
ISOLATION = (("Cross-Origin-Embedder-Policy", "require-corp"), ("Cross-Origin-Opener-Policy", "same-origin"))
FORGED = {"source": "bonafide", "v": 1, "type": "completed", "sessionId": "s", "data": {"outcome": "approved"}}


@pytest.fixture(scope="module")
def cookieless(
    launch_browser: LaunchBrowser, server: LiveServer, integrator: Integrator
) -> Iterator[BrowserContext]:
    """A browser as people will have it: what another site's frame keeps is not kept."""
    browser = launch_browser("--test-third-party-cookie-phaseout")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    conduct = Conduct({server.url, integrator.origin})
    conduct.watch(context)
    yield context
    conduct.check(context)
    browser.close()


@pytest.fixture
def session_url(api: Api) -> str:
    entity_id = api.enrol("Somebody", jpeg(close_up()))
    return str(api.open_session(entity_id)["sessionUrl"])


@pytest.fixture
def shop(
    cookieless: BrowserContext, server: LiveServer, integrator: Integrator, session_url: str
) -> Iterator[Page]:
    """The integrator's page, with the SDK loaded from our origin."""
    yield from visit(cookieless, integrator, SHOP.format(server=server.url, url=session_url, more=""))


def visit(
    context: BrowserContext, integrator: Integrator, text: str, headers: Sequence[tuple[str, str]] = ()
) -> Iterator[Page]:
    path = f"/shop/{len(integrator.pages)}"
    integrator.pages[path], integrator.headers[path] = text, list(headers)
    page = context.new_page()
    page.goto(integrator.origin + path)
    page.wait_for_selector("body[data-ready]")
    yield page
    page.close()


@pytest.fixture
def isolated_shop(
    cookieless: BrowserContext, server: LiveServer, integrator: Integrator, session_url: str
) -> Iterator[Page]:
    """A page that is cross-origin isolated, as those are that want SharedArrayBuffer."""
    text = SHOP.format(server=server.url, url=session_url, more="")
    yield from visit(cookieless, integrator, text, ISOLATION)


def types(page: Page) -> list[str]:
    return [str(event["type"]) for event in page.evaluate("window.events")]


def wait_for(page: Page, event: str) -> dict[str, Any]:
    """The last event of that type, once there is one."""
    page.wait_for_function("type => window.events.some((event) => event.type === type)", arg=event)
    found: dict[str, Any] = page.evaluate("type => window.events.findLast((event) => event.type === type)", event)
    return found


def session_in(page: Page) -> CapturePage:
    handle = page.wait_for_selector("bonafide-capture iframe")
    assert handle is not None
    return CapturePage(page, handle.content_frame())


def test_modal_keeps_focus_asks_before_it_closes_and_hears_nobody_else(shop: Page, server: LiveServer) -> None:
    shop.click("#go")
    capture = session_in(shop)
    ready = wait_for(shop, "ready")
    capture.expect_screen("consent")
    assert ready["detail"]["sessionId"]
    assert wait_for(shop, "resize")["detail"]["height"] >= 600
    dialog = shop.locator("dialog.bonafide")
    expect(dialog).to_be_visible()
    assert shop.evaluate("document.documentElement.style.overflow") == "hidden"
    assert shop.evaluate("document.activeElement.closest('dialog') !== null")
    # A frame of our very origin that is not the session's, and the site itself.
    shop.evaluate("url => place.innerHTML = `<iframe id=other src='${url}/embed-check'></iframe>`", server.url)
    other = shop.wait_for_selector("#other")
    stranger = other.content_frame() if other else None
    assert stranger is not None
    stranger.wait_for_load_state()
    stranger.evaluate("message => parent.postMessage(message, '*')", FORGED)
    shop.evaluate("message => postMessage(message, '*')", FORGED)
    assert stranger.evaluate("document.hasStorageAccess()") is False
    # Nor does the page hear the wish of anybody but its parent.
    wish = {"source": "bonafide-sdk", "v": 1, "type": "close"}
    stranger.evaluate("wish => parent.frames[0].postMessage(wish, '*')", wish)
    shop.locator("dialog button").wait_for(state="hidden")
    dialog.focus()
    shop.keyboard.press("Escape")
    leave = capture.within.locator("dialog.dialog")
    expect(leave).to_be_visible()
    assert types(shop).count("close") == types(shop).count("completed") == 0
    capture.button("leave_confirmed").click()
    capture.expect_screen("outcome")
    assert wait_for(shop, "cancelled")["detail"]["outcome"] == "cancelled"
    shop.get_by_role("button", name="Close", exact=True).click()
    wait_for(shop, "close")
    expect(dialog).to_have_count(0)
    assert types(shop).count("close") == 1
    assert shop.evaluate("[document.documentElement.style.overflow, document.activeElement.id]") == ["", "go"]
    assert shop.evaluate("document.adoptedStyleSheets.length") == 0


@pytest.mark.parametrize("has_dialogs", [True, False])
def test_modal_opens_where_style_sheets_cannot_be_constructed(shop: Page, *, has_dialogs: bool) -> None:
    """Safari before 16.4, Firefox before 101; some of them have no dialogs either."""
    shop.evaluate(
        """hasDialogs => {
          if (!hasDialogs) for (const name of ["showModal", "close"]) delete HTMLDialogElement.prototype[name];
          Object.defineProperty(document, "adoptedStyleSheets", { get: () => undefined, set: () => {} });
          window.CSSStyleSheet = function Refused() { throw new TypeError("Illegal constructor"); };
        }""",
        has_dialogs,
    )
    shop.click("#go")
    dialog = shop.locator("dialog.bonafide")
    expect(dialog).to_be_visible()
    assert dialog.evaluate("dialog => [dialog.offsetWidth, dialog.offsetHeight]") == [440, 760]
    session_in(shop).expect_screen("consent")
    shop.evaluate("document.querySelector('bonafide-capture').close()")
    expect(dialog).to_have_count(0)
    assert shop.evaluate(
        "[document.documentElement.style.overflow, document.querySelectorAll('style').length]"
    ) == [
        "",
        0,
    ]


def test_modal_opened_anew_at_once_leaves_the_page_as_it_was(shop: Page, session_url: str) -> None:
    """By who closes and opens in one go, and by who opens the next one when told of the close."""
    shop.evaluate(
        """async url => {
          const [, sdk] = /"(.*js)"/.exec(document.querySelector("script[type=module]").textContent);
          const { open } = await import(sdk);
          document.documentElement.style.overflow = "auto";
          open(url).close();
          let times = 0;
          const again = () => open(url, { onEvent: ({ type }) => type === "close" && times++ === 0 && again() });
          again();
          document.querySelector("bonafide-capture").close();
        }""",
        session_url,
    )
    expect(shop.locator("dialog.bonafide")).to_have_count(1)
    assert shop.evaluate("document.documentElement.style.overflow") == "hidden"
    shop.evaluate("document.querySelector('bonafide-capture').close()")
    expect(shop.locator("dialog.bonafide")).to_have_count(0)
    assert shop.evaluate("[document.documentElement.style.overflow, document.adoptedStyleSheets.length]") == [
        "auto",
        0,
    ]


def test_modal_can_be_closed_when_another_window_has_the_session(
    shop: Page, cookieless: BrowserContext, session_url: str
) -> None:
    shop.click("#go")
    capture = session_in(shop)
    capture.expect_screen("consent")
    cross = shop.locator("dialog.bonafide > button")
    expect(cross).to_be_hidden()
    elsewhere = cookieless.new_page()
    elsewhere.goto(session_url)
    capture.expect_screen("superseded")
    expect(cross).to_be_visible()
    capture.button("reconnect_pressed").click()
    capture.expect_screen("consent")
    expect(cross).to_be_hidden()
    CapturePage(elsewhere).button("reconnect_pressed").click()
    capture.expect_screen("superseded")
    cross.click()
    expect(shop.locator("dialog.bonafide")).to_have_count(0)
    assert types(shop).count("close") == 1
    elsewhere.close()


def test_a_page_that_is_cross_origin_isolated_holds_a_session(isolated_shop: Page) -> None:
    assert isolated_shop.evaluate("crossOriginIsolated") is True
    isolated_shop.click("#go")
    capture = session_in(isolated_shop)
    wait_for(isolated_shop, "ready")
    capture.accept_consent()
    capture.expect_screen("precheck")


def test_element_is_as_high_as_it_needs_and_follows_its_attribute(shop: Page, session_url: str) -> None:
    shop.evaluate(
        """url => {
          const element = document.createElement("bonafide-capture");
          for (const type of ["ready", "step", "resize", "error", "close"])
            element.addEventListener(type, (event) => window.events.push({ type, detail: event.detail }));
          element.setAttribute("session-url", url);
          place.append(element);
        }""",
        session_url,
    )
    frame = shop.locator("bonafide-capture iframe")
    session_in(shop).expect_screen("consent")
    assert "consent" in [event["detail"].get("step") for event in shop.evaluate("events")]
    wanted = wait_for(shop, "resize")["detail"]["height"]
    assert frame.evaluate("frame => frame.offsetHeight") == wanted
    expect(frame).to_have_attribute("allow", "camera; microphone; fullscreen; autoplay; encrypted-media")
    assert frame.evaluate("frame => [frame.title, frame.referrerPolicy]") == ["Identity check", "strict-origin"]
    element = shop.locator("bonafide-capture")
    element.evaluate("element => { element.sessionUrl = 'javascript:alert(1)'; }")
    assert wait_for(shop, "error")["detail"]["code"] == "bad_session_url"
    expect(frame).to_have_count(0)
    shop.evaluate("window.events = []")
    element.evaluate("(element, url) => { element.sessionUrl = url; }", session_url)
    wait_for(shop, "ready")
    shop.evaluate("window.gone = document.querySelector('bonafide-capture'); gone.remove(); window.events = []")
    assert shop.evaluate("gone.querySelector('iframe')") is None
    shop.evaluate("gone.close()")
    assert types(shop) == ["close"]


SETTLED = """() => new Promise((done) => {
  const screen = document.getElementById("screen");
  let [frames, still, before] = [0, 0, ""];
  const look = () => {
    const words = [...(screen.querySelector(".card__body")?.children ?? [])];
    const ends = words.map((one) => one.getBoundingClientRect().bottom);
    const actions = screen.querySelector(".card__actions")?.getBoundingClientRect();
    const seen = {
      inner: innerHeight,
      hidden: screen.scrollHeight - screen.clientHeight,
      empty: Math.round((actions?.top ?? 0) - Math.max(0, ...ends)),
    };
    frames += 1;
    still = JSON.stringify(seen) === before ? still + 1 : 0;
    before = JSON.stringify(seen);
    if (still >= 12 || frames > 300) done({ ...seen, still });
    else requestAnimationFrame(look);
  };
  look();
})"""
"""How high the frame is when it has come to rest, what of its screen is out of sight, and what of it is empty."""

GAP_MAX = 32
"""Between the last words and the buttons: paddings, and no more."""


@pytest.mark.parametrize("width", [440, 1000])
def test_inline_frame_is_as_high_as_the_page_needs(
    open_page: OpenPage, server: LiveServer, integrator: Integrator, session_url: str, width: int
) -> None:
    page = open_page(None, viewport=DESKTOP)
    page.add_init_script(CAMERA)
    integrator.pages[f"/inline/{width}"] = SHOP.format(
        server=server.url, url=session_url, more=f"<style>#place {{ width: {width}px }}</style>"
    )
    page.goto(f"{integrator.origin}/inline/{width}")
    page.evaluate("window.wishes = { mode: 'inline', container: place }")
    page.click("#go")
    capture = session_in(page)
    capture.expect_screen("consent")

    def rested(*, is_filled: bool = True) -> int:
        seen = capture.within.evaluate(SETTLED)
        assert seen["still"] >= 12, seen
        assert seen["hidden"] <= 0, seen
        assert not is_filled or seen["inner"] == 600 or seen["empty"] <= GAP_MAX, seen
        return int(seen["inner"])

    short = rested()
    capture.within.locator("summary").click()
    long = rested()
    assert long > short + 100
    assert types(page).count("resize") <= 4
    capture.button("consent_accepted").click()
    capture.expect_screen("precheck")
    ready = rested()
    assert ready < long - 100
    capture.button("start_pressed").click()
    capture.expect_screen("align")
    asked = types(page).count("resize")
    assert rested(is_filled=False) == ready, "the stage takes the height that is there"
    assert types(page).count("resize") == asked


def test_tab_tells_its_opener_and_redirect_takes_the_window(shop: Page, session_url: str) -> None:
    shop.evaluate("window.wishes = { mode: 'tab' }")
    with shop.expect_popup() as opened:
        shop.click("#go")
    tab = CapturePage(opened.value)
    tab.expect_screen("consent")
    assert wait_for(shop, "ready")["detail"]["sessionId"]
    opened.value.close()
    wait_for(shop, "close")
    shop.evaluate("window.events = []; window.open = () => null")
    shop.click("#go")
    assert shop.evaluate("events") == [{"type": "error", "detail": {"sessionId": None, "code": "popup_blocked"}}]
    shop.evaluate("window.wishes = { mode: 'redirect' }")
    shop.click("#go")
    shop.wait_for_url(session_url)
    CapturePage(shop).expect_screen("consent")


FRAMES = {
    "good": 'allow="camera" referrerpolicy="strict-origin"',
    "policy": "",
    "sandbox": 'allow="camera" sandbox="allow-scripts"',
    "referrer": 'allow="camera" referrerpolicy="no-referrer"',
}


def test_embed_check_tells_each_trouble_of_a_frame_and_a_sandboxed_session_says_so(
    cookieless: BrowserContext, server: LiveServer, integrator: Integrator, session_url: str
) -> None:
    check = html.escape(session_url.replace("/session/", "/embed-check/"))
    frames = "".join(
        f'<iframe name="{name}" src="{check}" width="440" height="700" {attributes}></iframe>'
        for name, attributes in FRAMES.items()
    )
    frames += (
        f'<iframe name="session" src="{html.escape(session_url)}" allow="camera" sandbox="allow-scripts"></iframe>'
    )
    text = SHOP.format(server=server.url, url=session_url, more=frames)
    for page in visit(cookieless, integrator, text):
        found = {}
        for name in FRAMES:
            frame = page.frame(name)
            assert frame is not None
            frame.wait_for_selector("html[data-checked]", state="attached")
            problems = frame.locator('[data-level="problem"]').all()
            found[name] = [str(one.get_attribute("data-finding")) for one in problems]
        assert found == {"good": [], "policy": ["policy"], "sandbox": ["sandbox"], "referrer": ["referrer"]}
        session = CapturePage(page, page.frame("session"))
        session.expect_screen("blocked")
        expect(session.within.get_by_text("sandbox").first).to_be_visible()


SNIPPET = """<!doctype html><title>Shop</title><link rel="icon" href="data:,"><body>
<script>const sessionUrl = "{url}"; const askYourServer = () => {{}};</script>{snippet}
<script>document.body.dataset.ready = "";</script>"""


@pytest.mark.parametrize("name", ["sdk", "element", "by-hand"])
def test_snippets_of_the_documentation_show_a_session(
    cookieless: BrowserContext, server: LiveServer, integrator: Integrator, session_url: str, name: str
) -> None:
    code = snippet(name).replace("https://verify.example/session/…", session_url)
    code = code.replace("https://verify.example", server.url)
    if name == "by-hand":
        code = f'<iframe src="{session_url}" height="400"></iframe><script>{code}</script>'
    for page in visit(cookieless, integrator, SNIPPET.format(url=session_url, snippet=code)):
        page.wait_for_load_state()
        if name == "sdk":
            page.get_by_role("button", name="Verify").click()
        frame = page.wait_for_selector("iframe")
        assert frame is not None
        CapturePage(page, frame.content_frame()).expect_screen("consent")
        # All three follow the height that the page asks for, or fill the dialog.
        page.wait_for_function("document.querySelector('iframe').offsetHeight >= 600")
