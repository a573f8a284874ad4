"""Reads pages of results in a browser without a window, as people do who see them or do not.

usage: page.py PAGE.html...; ends with 77 where there is no browser
"""

import pathlib
import re
import shutil
import sys

from playwright.sync_api import Error, sync_playwright

BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")

# Ratio of the luminances of text and of what it is on (WCAG 2), of all text that is seen and that is not on a
# mark of a figure; the least and its text.
CONTRAST = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const part = (x) => (x /= 255) <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (element) => {
    const svg = element.closest("svg");
    const paper = svg?.querySelector(".paper");
    if (paper) return rgba(getComputedStyle(paper).fill);
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const all = [...document.querySelectorAll("body *")].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) &&
    !["SCRIPT", "title", "desc", "OPTION"].includes(element.tagName) && element.checkVisibility() &&
    !element.matches("#said") && (!element.closest("svg") || element.closest(".ink")));
  const ratios = all.map((element) => {
    const style = getComputedStyle(element);
    const text = rgba(element.closest("svg") ? style.fill : style.color);
    const [dark, light] = [luminance(text), luminance(ground(element))].sort((a, b) => a - b);
    return [(light + 0.05) / (dark + 0.05), element.textContent.slice(0, 40)];
  });
  return ratios.sort((a, b) => a[0] - b[0])[0];
}"""


def number(text):
    """What a cell of the table is sorted by."""
    plain = text.lstrip("[>")
    return float(re.match(r"[-\d.e]+", plain)[0]) + (1e-4 if ">" in text[:2] else 0)


class Reader:
    """A page in the browser, with all that it asked for and complained of."""

    def __init__(self, browser, path, width=1280, **how):
        self.page = browser.new_page(viewport={"width": width, "height": 900}, **how)
        self.address = path.resolve().as_uri()
        self.complaints, self.requests = [], []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(self.address)

    def close(self):
        assert not self.complaints, self.complaints
        others = [url for url in self.requests if url != self.address and not url.startswith(("data:", "blob:"))]
        assert not others, others
        self.page.close()


def check_document(page):
    """Names, headings and ids that a screen reader goes by."""
    assert page.evaluate("document.documentElement.lang") == "en"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)[:5]
    refers = "[...document.querySelectorAll(`[aria-labelledby], a[href^='#']`)].map((e) => " \
        "e.getAttribute('aria-labelledby') ?? e.hash.slice(1))"
    assert set(page.evaluate(refers)) <= set(ids)
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((e) => Number(e.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1, levels
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:])), levels
    unnamed = "[...document.querySelectorAll('select, input')].filter((e) => !e.labels.length)"
    assert page.evaluate(f"{unnamed}.length") == 0


def check_figures(page):
    """Every group has a figure that is seen and has a name."""
    groups = page.locator(".group")
    assert groups.count() > 0
    for i in range(groups.count()):
        group = groups.nth(i)
        name = group.get_attribute("id")
        seen = group.locator("figure:visible")
        assert seen.count() == 1, (name, seen.count())
        box = seen.locator("svg").bounding_box()
        assert box["width"] > 200 and box["height"] > 80, (name, box)
        assert seen.get_by_role("img").count() == 1 and seen.locator("svg").get_attribute("aria-label"), name
        assert seen.locator("svg > desc").text_content(), name


def check_choices(page):
    """Selectors show the figure of what is chosen, and no other."""
    for group in page.locator(".group").all():
        for i, select in enumerate(group.locator("[data-choice]").all()):
            labels = [option.text_content() for option in select.locator("option").all()]
            for value, label in reversed(list(enumerate(labels))):
                select.select_option(index=value)
                page.wait_for_function("(group) => !group.querySelector('figure ~ .packed')", arg=group.element_handle())
                seen = group.locator("figure:visible")
                assert seen.count() == 1
                assert seen.get_attribute("data-at").split(",")[i] == str(value)
                assert label in seen.locator("svg").get_attribute("aria-label")


def check_layers(page):
    """Layers are seen when they are asked for."""
    shown = "(marks) => marks.filter((mark) => getComputedStyle(mark).display !== 'none').length"
    for group in page.locator(".group").all():
        for box in group.locator("[data-layer]").all():
            layer = group.locator(f"figure:visible svg .{box.get_attribute('data-layer')}")
            assert layer.evaluate_all(shown) == 0
            box.check()
            assert layer.evaluate_all(shown) == layer.count()
            box.uncheck()
            assert layer.evaluate_all(shown) == 0


def check_marks(page):
    """What marks say shows under the pointer and by keys, and is not lost."""
    tip, heard = page.locator("#tip"), page.locator("#said")
    for drawing in page.locator("figure:visible .drawing[tabindex='0']").all():
        titles = drawing.locator("svg *:not(.off) > title, svg *:not(.off) * > title").all_text_contents()
        drawing.scroll_into_view_if_needed()
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        drawing.focus()
        page.keyboard.press("Home")
        first = tip.text_content()
        assert first in titles and heard.text_content() == first, (first, titles[:3])
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert heard.text_content() == first
        box = drawing.locator(".read").bounding_box()
        if drawing.locator("rect.tile.read").count() == 1:
            # The first tile is at the lower left.
            page.keyboard.press("ArrowUp")
            upper = drawing.locator(".read").bounding_box()
            assert upper["y"] < box["y"] - 1 and abs(upper["x"] - box["x"]) < box["width"], (upper, box)
            page.keyboard.press("ArrowDown")
            assert heard.text_content() == first
        page.keyboard.press("Escape")
        assert not tip.is_visible()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert tip.is_visible() and tip.text_content() in titles
        place = tip.bounding_box()
        assert place["x"] >= 0 and place["x"] + place["width"] <= 1280, place
        page.mouse.move(1, 1)
        assert not tip.is_visible()
        assert drawing.locator("svg *:not(.off) > title, svg *:not(.off) * > title").all_text_contents() == titles


def check_curves(page):
    """Curves say their numbers wherever they are pointed at, and by keys along them and across."""
    tip = page.locator("#tip")
    for name, says in (("times", r".+, converged: P \S+ \[\S+, \S+\] by step \d+"),
                       ("trajectories", r"trial \d+, .+: \S+ at step \d+")):
        drawing = page.locator(f"#{name} figure:visible .drawing")
        if drawing.count() == 0:
            continue
        if drawing.locator(".readings").count() == 0:
            # Of trials that are missing nothing is said.
            assert page.locator("header > .notice").count() == 1
            continue
        assert drawing.locator("metadata").count() == 0
        drawing.scroll_into_view_if_needed()
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        lines = drawing.locator("svg > g path.line:has(+ .readings)")
        assert lines.count() > 1
        for line in lines.all():
            for part in (0.05, 0.3, 0.6, 0.9):
                x, y = line.evaluate("""(line, part) => {
                    const at = line.getPointAtLength(part * line.getTotalLength()).matrixTransform(line.getScreenCTM());
                    return [at.x, at.y];
                }""", part)
                page.mouse.move(x, y)
                assert tip.is_visible() and re.fullmatch(says, tip.text_content()), (name, tip.text_content())
                # Where curves cross, it may be the other one, but none that is not there.
                far = drawing.locator("path.line:has(+ .readings > .read)").evaluate("""(line, [x, y]) => {
                    const distance = (i) => {
                        const at = line.getPointAtLength(i * line.getTotalLength() / 2000);
                        const there = at.matrixTransform(line.getScreenCTM());
                        return Math.hypot(there.x - x, there.y - y);
                    };
                    return Math.min(...Array.from({ length: 2001 }, (_, i) => distance(i)));
                }""", [x, y])
                assert far < 2, (name, tip.text_content(), far)
        curve = lambda: tip.text_content().split(": ")[0]
        # Away from where the drawing may be moved to: leaving it takes the tip away.
        page.mouse.move(1, 1)
        drawing.focus()
        page.keyboard.press("Home")
        first = curve()
        page.keyboard.press("ArrowRight")
        assert curve() == first and drawing.locator(".read").evaluate("(e) => e.previousElementSibling !== null")
        page.keyboard.press("ArrowDown")
        assert curve() != first
        page.keyboard.press("ArrowUp")
        assert curve() == first
        page.keyboard.press("Escape")
        assert "another curve" in drawing.get_attribute("aria-label")


def check_trajectories(page):
    """What is said at the ends of the curves is what the numbers beside the figure are."""
    figure = page.locator("#trajectories figure:visible")
    if figure.count() == 0:
        return
    said = figure.locator("g.readings").evaluate_all(
        "(curves) => curves.map((curve) => [...curve.children].map((mark) => mark.textContent.split(': ')))")
    ends = {re.sub(r", 1 of \d+$", "", curve[0][0]): [curve[0][1], curve[-1][1]] for curve in said}
    title = figure.locator("svg").get_attribute("aria-label")
    rows = page.locator("#trajectories table tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))")
    rows = [row for row in rows if title.endswith(row[0])]
    assert rows
    for _, quantity, trial, *numbers in rows:
        found = ends.get(f"trial {trial}, {quantity}", ["NaN at", "NaN at"])
        assert [text.split(" at")[0] for text in found] == numbers, (quantity, trial, found, numbers)


def check_table(page):
    """The table of cells is sorted by numbers, and filtered."""
    table = page.locator("#cells table")
    lines = table.locator("tbody tr")
    before = lines.count()
    for head in table.locator("th[aria-sort]").all():
        column = head.evaluate("(head) => head.cellIndex")
        texts = lambda: table.evaluate(f"(t) => [...t.tBodies[0].rows].map((r) => r.cells[{column}].textContent)")
        for way, sign in (("ascending", 1), ("descending", -1)):
            head.get_by_role("button").press("Enter")
            assert head.get_attribute("aria-sort") == way
            entries = texts()
            there = [entry for entry in entries if entry != "-"]
            assert entries == there + ["-"] * (len(entries) - len(there))
            if there and re.match(r"\[?>?[-\d]", there[0]):
                keys = [sign * number(entry) for entry in there]
                assert keys == sorted(keys), (head.text_content(), entries)
        assert table.locator("[aria-sort=ascending], [aria-sort=descending]").count() == 1
    for i, select in enumerate(page.locator("#cells select").all()):
        select.select_option(index=1)
        seen = page.locator("#cells tbody tr:visible")
        places = seen.evaluate_all(f"(lines) => lines.map((line) => line.dataset.at.split(',')[{i}])")
        assert places and set(places) == {"0"} and len(places) < before
        assert page.locator("#shown").text_content() == f"{len(places)} of {before} cells"
        select.select_option(index=0)
    assert page.locator("#cells tbody tr:visible").count() == before


def check_head_stays(page):
    """Names of the columns are seen wherever the table is."""
    scroll = page.locator("#cells .scroll")
    scroll.evaluate("(e) => e.scrollTop = 1e6")
    top = scroll.bounding_box()["y"]
    assert abs(page.locator("#cells thead th").first.bounding_box()["y"] - top) < 3
    scroll.evaluate("(e) => e.scrollTop = 0")


def check_keyboard(page):
    """All that can be used is reached with the tab key, and seen to be."""
    page.mouse.click(1, 1)
    page.evaluate("document.activeElement.blur()")
    wanted = page.evaluate("""() => [...document.querySelectorAll("a, button, select, input, summary, [tabindex='0']")]
        .filter((e) => e.checkVisibility()).length""")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    reached = 0
    while page.evaluate("document.activeElement !== document.body && !document.activeElement.dataset.reached"):
        outline = "(e => (e.dataset.reached = 1, getComputedStyle(e).outlineStyle))(document.activeElement)"
        assert page.evaluate(outline) != "none", page.evaluate("document.activeElement.outerHTML")
        reached += 1
        page.keyboard.press("Tab")
    assert reached == wanted, (reached, wanted)


def check_colours(browser, path):
    """Text is read on light and on dark, by the system's choice and by the page's."""
    papers = set()
    for scheme in ("light", "dark"):
        reader = Reader(browser, path, color_scheme=scheme)
        for other in (False, True):
            if other:
                reader.page.get_by_role("button", name="Dark").click()
            pressed = reader.page.get_by_role("button", name="Dark").get_attribute("aria-pressed")
            assert (pressed == "true") == ((scheme == "dark") != other)
            ratio, text = reader.page.evaluate(CONTRAST)
            assert ratio >= 4.5, (path.name, scheme, other, ratio, text)
            paper = reader.page.evaluate("getComputedStyle(document.body).backgroundColor")
            papers.add((paper, pressed))
        reader.close()
    assert len(papers) == 2, papers


def check_saving(page, folder):
    """What is saved is a drawing that stands alone, and the configuration."""
    with page.expect_download() as download:
        page.locator(".save").first.click()
    assert download.value.suggested_filename.endswith(f"-{page.locator('.group').first.get_attribute('id')}.svg")
    saved = folder / "figure.svg"
    download.value.save_as(saved)
    text = saved.read_text()
    assert text.startswith("<svg ") and 'xmlns="http://www.w3.org/2000/svg"' in text
    with page.expect_download() as download:
        page.locator("#times .save").click()
    download.value.save_as(saved)
    assert "readings" not in saved.read_text() and "path" in saved.read_text()
    page.locator("#again summary").first.click()
    with page.expect_download() as download:
        page.locator("#save").click()
    assert download.value.suggested_filename == "study.toml"
    download.value.save_as(folder / f"{page.title().split(' ')[0]}.toml")


def check_without_script(browser, path):
    """Without scripts there is nothing that would need them, and where something is missing a command is."""
    reader = Reader(browser, path, java_script_enabled=False)
    page = reader.page
    assert page.locator("figure:visible").count() == page.locator("figure").count() > 0
    assert page.locator("select:visible, input:visible, button:visible").count() == page.locator("th button").count()
    assert page.locator("#cells tbody tr:visible").count() == page.locator("#cells tbody tr").count()
    page.locator("summary").evaluate_all("(all) => all.forEach((e) => e.parentElement.open = true)")
    assert page.locator("header noscript").is_visible()
    instead = page.locator("main noscript")
    assert instead.count() == page.locator(".packed").count()
    for notice in instead.all():
        assert notice.is_visible() and re.search(r"\d+ .* there is deeplin \w+ ", notice.text_content()), notice.text_content()
    reader.close()


def check(browser, path):
    reader = Reader(browser, path)
    page = reader.page
    for part in (check_document, check_figures, check_choices, check_layers, check_marks, check_curves,
                 check_trajectories, check_table, check_head_stays, check_keyboard):
        part(page)
    check_saving(page, path.parent)
    page.locator("summary").evaluate_all("(all) => all.forEach((e) => e.parentElement.open = true)")
    page.wait_for_function("!document.querySelector('.packed')")
    assert page.locator("details table").count() == page.locator("details .scroll").count()
    check_document(page)
    reader.close()
    for width in (400, 1280):
        reader = Reader(browser, path, width)
        reader.page.locator("summary").evaluate_all("(all) => all.forEach((e) => e.parentElement.open = true)")
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= width, (path.name, width)
        reader.close()
    check_colours(browser, path)
    check_without_script(browser, path)


def main():
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        except Error as error:
            if program is None:
                print(error)
                sys.exit(77)
            raise
        for path in map(pathlib.Path, sys.argv[1:]):
            check(browser, path)
        browser.close()


main()
