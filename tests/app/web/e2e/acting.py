"""A person at the page: signs in, looks, clicks, jumps; and what the page shows by then."""

import time

from served import Server

STAGE = "[data-test=stage-host]"
# jumps are keys, pressed at once: the page draws after them, and asks for the last frame only
DRIVER = """() => {
  const g = window.__gambol;
  const press = (key, shift = false) => document.body.dispatchEvent(
    new KeyboardEvent("keydown", {key, code: key, shiftKey: shift, bubbles: true}));
  const tick = () => new Promise((done) => requestAnimationFrame(done));
  const drive = window.__drive = {
    press, tick, at: null,
    jump(to) {
      let left = to - (drive.at ?? g.frameShown().frame);
      const go = (n, key, shift) => { for (; Math.abs(left) >= n; left -= Math.sign(left) * n)
        press(left > 0 ? key[0] : key[1], shift); };
      const arrows = ["ArrowRight", "ArrowLeft"];
      go(100, ["PageDown", "PageUp"], false); go(10, arrows, true); go(1, arrows, false);
      drive.at = to;
    },
    async shown(frame, ms = 30000) {
      const until = performance.now() + ms;
      while (g.frameShown()?.frame !== frame) {
        if (performance.now() > until)
          throw new Error(`frame ${frame} does not come; ${JSON.stringify(g.frameShown())}`);
        await tick();
      }
      return performance.now();
    },
    code(size) {
      const canvas = document.querySelector("[data-test=canvas-picture]");
      const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
      const brush = canvas.getContext("2d");
      let number = 0;
      for (let bit = 0; bit < 16; bit++) {
        const at = g.videoToScreen((bit + 0.5) * size / 16, size / 32);
        const x = Math.round((at.x - box.left) * ratio);
        const y = Math.round((at.y - box.top) * ratio);
        number = number * 2 + (brush.getImageData(x, y, 1, 1).data[0] > 128 ? 1 : 0);
      }
      return number;
    },
    // frames as they are played, each with the number that stands on it
    async played(n, size, ms = 12000) {
      const seen = [], until = performance.now() + ms;
      let before = g.frameShown().frame;
      while (seen.length < n && performance.now() < until) {
        await tick();
        const {frame, coded} = g.frameShown();
        if (frame !== before) seen.push([frame, drive.code(size), coded]);
        before = frame;
      }
      return seen;
    },
    async walk(frames, size) {
      const wrong = [];
      for (const frame of frames) {
        drive.jump(frame);
        await drive.shown(frame);
        const code = drive.code(size);
        if (code !== frame) wrong.push([frame, code]);
      }
      return wrong;
    },
  };
}"""


class Studio:
    """A real server on a project, and pages of people who are let in."""

    def __init__(self, folder, state, port=0, options=(), **more):
        self.folder, self.state, self.options = folder, state, options
        self.server = Server(folder, state, *options, port=port, **more)
        self.client = self.server.browser()
        self.port, self.address = self.server.port, self.server.address

    def kill(self, number):
        self.server.end(number)

    def again(self):
        """Start it anew at the same address; pages stay signed in."""
        self.server = Server(self.folder, self.state, *self.options, port=self.port)

    def end(self):
        self.client.close()
        self.server.end()

    def enter(self, context):
        """Let a browser in, as the link would."""
        held = [
            {"name": one.name, "value": one.value, "url": self.address}
            for one in self.client.cookies.jar
        ]
        context.add_cookies(held)

    def get(self, path):
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path, body, ok=(200, 201)):
        answer = self.client.post(path, json=body)
        assert answer.status_code in ok, answer.text
        return answer.json()

    def rows(self, frame, video=1):
        """Labels of a frame: animal → its row, and the row of the frame."""
        told = self.get(f"api/frames/{video}/{frame}")
        return dict(told["instances"]), told["frame_row"]


class Desk:
    """A page on its Label screen."""

    def __init__(self, studio, page, query="", user="Mei"):
        self.studio, self.page = studio, page
        studio.enter(page.context)
        if user is not None:  # else nobody said who sits there
            named = f"localStorage.setItem('gambol:user', '{chr(34)}{user}{chr(34)}')"
            page.add_init_script(named)
        page.goto(studio.address + query)
        self.ready()

    def ready(self):
        self.wait("window.__gambol?.frameShown?.() != null")
        self.page.evaluate(DRIVER)

    def wait(self, words, seconds=30.0):
        """Wait for an expression of the page; its policy forbids Playwright's own way."""
        until(lambda: self.page.evaluate(words), seconds, 0.02)

    def watch(self, video):
        """Open a video of the project."""
        self.page.select_option("[data-test=video]", str(video))
        self.wait(f"window.__gambol.frameShown().video === {video}")

    def probe(self, words):
        return self.page.evaluate(f"window.__gambol.{words}")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def jump(self, frame):
        """Go to a frame and wait for its picture and its labels."""
        self.page.evaluate(
            "async (to) => { __drive.at = null; __drive.jump(to); await __drive.shown(to); }",
            frame,
        )
        self.settle()

    def settle(self):
        """Wait until what was done is on the server, and the page has drawn."""
        self.wait("window.__gambol.pending() === 0 && window.__gambol.loaded?.() !== false")
        self.page.wait_for_timeout(80)

    def screen(self, x, y):
        at = self.probe(f"videoToScreen({x}, {y})")
        return at["x"], at["y"]

    def click(self, x, y):
        self.page.mouse.click(*self.screen(x, y))

    def drag(self, start, end, steps=4):
        self.page.mouse.move(*self.screen(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.screen(*end), steps=steps)
        self.page.mouse.up()

    def saved(self):
        """Return the newest edit once everything is on the server."""
        self.settle()
        return self.studio.get("api/project")["seq"]


def until(true, seconds=30.0, step=0.05):
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it does not happen"
        time.sleep(step)
    return found
