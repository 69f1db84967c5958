# SPDX-License-Identifier: MIT
#
# The page of gaijinctl web in Chromium: what it draws, that it follows what happens, and that nothing of strangers becomes part of
# it. Run by tests/web/run.sh.
import json
import os
import signal
import sys
import traceback

sys.path.insert(0, os.path.dirname(__file__))
from browser import Browser  # noqa: E402
from png import smaller  # noqa: E402
from system import System, eventually  # noqa: E402

HOSTILE = '<img src=x onerror="document.title=1">'
SHOP = r"""
bakaGaijin.price = function(n) return 2 * n end
bakaGaijin.make = function() return {} end
bakaGaijin.cash = { 1 }
bakaGaijin['<img src=x onerror="document.title=1">\27\226\128\174'] = {}
"""
STOCK = r"""
bakaGaijin.take = function(n) gaijin.sleep(0.002 + math.random() * 0.004) return n end
"""
TILL = r"""
local shop, price = bakaGaijin("shop"), gaijin.wait_for("shop", "price")
local take = gaijin.wait_for("stock", "take")
customer = { baskets = {} }
for i = 1, 12 do customer.baskets[i] = shop.make() end
strange = shop['<img src=x onerror="document.title=1">\27\226\128\174']
local n = tonumber(gaijin.name:match("%d+")) or 1
while true do
  pcall(price, n) -- the broker may go meanwhile
  if math.random() < 0.25 then pcall(take, 1) end
  gaijin.sleep(0.005 * n)
end
"""
passed = failed = 0


def check(what, holds):
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
        print("FAIL", what, flush=True)


def draws(b):
    names = ["shop", "stock", "till-1", "till-2", "till-3", HOSTILE[:64].replace("/", "")]
    for name in names:
        check(f"a node for {name}", eventually(lambda: b.node(name)))
    check("no more than that", len(b.all(".node")) == len(names))
    check("an arrow from who asks", eventually(lambda: b.edge("till-1", "shop")))
    check("with its speed", eventually(lambda: any("/s" in text for text in b.texts(".speeds text"))))
    check("and what the node does", eventually(lambda: b.texts('.node[data-worker="shop"] .count')[0].startswith("answers ")))
    b.click("[data-tab=workers]")
    check("rows of workers", len(b.all("#table tbody tr")) == len(names))
    inside = b.run("""
        const box = document.getElementById("graph").getBoundingClientRect();
        return [...document.querySelectorAll(".node")].every((n) => { const r = n.getBoundingClientRect();
          return r.left >= box.left && r.right <= box.right && r.top >= box.top && r.bottom <= box.bottom; });""")
    check("all nodes are inside the picture", inside)
    check("no bars to scroll the page", b.run("return document.documentElement.scrollHeight <= innerHeight"))


def updates(b):
    b.run("window.mark = 1")
    b.click("[data-tab=pairs]")
    row = '#table tr[data-key=\'["till-1","shop"]\'] td'
    before = eventually(lambda: b.number(row, 3))
    check("counts go on", eventually(lambda: b.number(row, 3) > before + 20))
    check("without a reload", b.run("return window.mark === 1"))
    check("nothing from elsewhere", b.run("""
        return performance.getEntriesByType("resource").every((e) => e.name.startsWith(location.origin + location.pathname))"""))


def tells(b):
    b.click_edge("till-1", "shop")
    check("an arrow's details", eventually(lambda: "till-1 → shop" in b.text("#details h2")))
    check("with latency", len(b.all("#details .quantiles rect")) == 4)
    b.press('.node[data-worker="shop"]')
    check("a worker's, by the keyboard", eventually(lambda: b.text("#details h2") == "shop"))
    check("it is marked", b.all('.node.chosen[data-worker="shop"]'))
    b.run("""[...document.querySelectorAll("#details button")].find((b) => b.textContent.includes("others hold")).click()""")
    check("its objects", eventually(lambda: len(b.all("#table tbody tr")) > 30))
    check("of it alone", all(text.startswith("shop:") for text in b.texts("#table tbody td:first-child")))
    b.choose("holder", "till-2")
    check("held by one", eventually(lambda: {t for t in b.texts("#table tbody td:nth-child(4)")} and
                                    all("till-2" in t for t in b.texts("#table tbody td:nth-child(4)"))))
    b.choose("kind", "table")
    check("of one kind", eventually(lambda: set(b.texts("#table tbody td:nth-child(2)")) == {"table"}))
    held = b.run("""return [...document.querySelectorAll("#table tbody tr")].findIndex(
        (r) => r.children[3].textContent === "till-2")""")
    b.run(f"""document.querySelectorAll("#table tbody tr")[{held}].click()""")
    check("why an object lives", eventually(lambda: "_G.customer.baskets[" in b.text("#details")))
    check("says by whom it is held", "Held by till-2, sent to it once" in b.text("#details"))


def resists(b):
    b.choose("holder", "")
    labels = "#table tbody td:nth-child(5)"
    check("a label of a stranger is text", eventually(lambda: any(HOSTILE in text for text in b.texts(labels))))
    check("what is not seen is spelled out", any("\\u{1b}\\u{202e}" in text for text in b.texts(labels)))
    check("no element came of it", not b.all("img, iframe, b"))
    check("nor ran anything", b.run("return document.title") == "gaijin")
    b.type("#filter", "till-3")
    check("the filter leaves what has the word", eventually(lambda: b.all("#table tbody tr") and all(
        "till-3" in text for text in b.texts("#table tbody td:nth-child(4)"))))
    check("and the others fade", len(b.all(".node.faded")) == 5)
    b.escape()
    check("Escape ends it", eventually(lambda: not b.all(".faded")))


def follows(b, system, tills):
    os.kill(tills[2].pid, signal.SIGSTOP)
    check("a worker that hangs is shown", eventually(lambda: b.all('.node.hangs[data-worker="till-3"]')))
    check("and counted", eventually(lambda: b.texts("#sums .fault") == ["1"]))
    os.kill(tills[2].pid, signal.SIGCONT)
    check("until it goes on", eventually(lambda: not b.all(".node.hangs")))
    b.press('.node[data-worker="till-3"]')
    system.kill(tills[2])
    check("one that ended is grey", eventually(lambda: b.all('.node.gone[data-worker="till-3"]')))
    check("then gone", eventually(lambda: not b.node("till-3")))
    check("and so its details say", eventually(lambda: "not connected any more" in b.text("#details")))
    b.escape()
    system.kill(system.broker)
    check("the broker's end is told", eventually(lambda: "the broker is gone" in b.text("#banner")))
    check("and why", "no broker at" in b.text("#banner"))
    check("the last picture stays", b.node("shop"))
    system.start_broker()
    check("then it is live again", eventually(lambda: not b.shown("#banner")))
    check("with its workers", eventually(lambda: b.node("shop") and b.node("till-1") and not b.all(".node.gone")))
    check("and their traffic", eventually(lambda: any("/s" in text for text in b.texts(".speeds text"))))
    check("still the same page", b.run("return window.mark === 1"))


def looks_good(b):
    b.escape()
    eventually(lambda: b.all("#details dt"))
    for scheme in "light", "dark":
        b.scheme(scheme)
        for element in "#sums dt", "#sums dd", "#details dt", "#details .note", "#table td", "#table th button", "#hint", "#tabs button":
            ratio = b.contrast(element)
            check(f"{scheme}: {element} is read easily, {ratio:.1f}", ratio >= 4.5)
        picture = b.picture()
        check(f"{scheme}: the picture is not blank, {len(picture)} bytes", len(picture) > 30000)
        if os.environ.get("PICTURES"):
            with open(f"{os.environ['PICTURES']}/{scheme}.png", "wb") as file:
                file.write(picture)
    b.scheme("light")


def renew(b):
    """The picture in docs/: an arrow that was chosen."""
    eventually(lambda: b.edge("till-1", "shop"))
    b.click("[data-tab=pairs]")
    b.click_edge("till-1", "shop")
    eventually(lambda: b.run("return document.querySelector('.course path').getAttribute('d').split('L').length > 30"))
    picture = smaller(b.picture())
    check(f"the picture is small, {len(picture)} bytes", len(picture) < 150000)
    with open("docs/web.png", "wb") as file:
        file.write(picture)


def bears(b, system):
    """Many workers and objects."""
    system.worker("crowd", """
        local made = {}
        bakaGaijin.one = function() return {} end
        bakaGaijin.here = function(n) return n end""")
    system.worker("hoard", """
        local one = gaijin.wait_for("crowd", "one")
        kept = {}
        for i = 1, 10000 do kept[i] = one() end""")
    for i in range(100):
        system.start("gaijin-worker", "-n", f"w{i}", "-e", """
            local here = gaijin.wait_for("crowd", "here")
            while true do pcall(here, 1) gaijin.sleep(0.5 + math.random()) end""")
    check("a hundred workers", eventually(lambda: len(b.all(".node")) >= 100))
    check("are smaller", b.all("#graph.many"))
    b.click("[data-tab=objects]")
    b.choose("host", "")
    b.choose("kind", "")
    check("of ten thousand objects the first", eventually(lambda: "the first 200 of 10" in b.run("return document.getElementById('shown').value")))
    check("are listed", eventually(lambda: len(b.all("#table tbody tr")) == 200))
    slowest = b.run("return Math.max(...performance.getEntriesByType('resource').slice(-20).map((e) => e.duration))")
    print(f"the slowest of the last answers took {slowest:.0f} ms")
    b.type("#filter", "w77")
    check("the filter still works", eventually(lambda: b.all('.node:not(.faded)[data-worker="w77"]') and len(b.all(".node:not(.faded)")) == 1))
    b.escape()
    b.choose("host", "crowd")
    b.choose("min_age", "4000000")
    check("none so old", eventually(lambda: b.run("return document.getElementById('shown').value") == "0 objects"))
    check("nor is one listed", eventually(lambda: not b.all("#table tbody tr")))
    b.choose("min_age", "")
    rows = b.run("""
        const told = new Promise((done) => new MutationObserver(() => setTimeout(() => done(
          [document.querySelectorAll("#table tbody tr").length, document.getElementById("shown").value])))
          .observe(document.getElementById("shown"), { childList: true, characterData: true, subtree: true }));
        const kind = document.getElementById("wanted").elements.kind;
        kind.value = "function";
        kind.dispatchEvent(new Event("change", { bubbles: true }));
        return told;""")
    check(f"what was found is drawn at once: {rows}", rows[0] > 0)
    b.choose("kind", "")


def story(system, b):
    name = HOSTILE[:64].replace("/", "")
    system.start_broker()
    system.worker("shop", SHOP)
    system.worker("stock", STOCK)
    tills = [system.worker(f"till-{i}", TILL) for i in (1, 2, 3)]
    web, address = system.web()
    b.open(address)
    if os.environ.get("RENEW"):
        renew(b)
    system.worker(name, "gaijin.run()")
    draws(b)
    updates(b)
    tells(b)
    looks_good(b)
    resists(b)
    follows(b, system, tills)
    bears(b, system)
    looks_good(b)
    web.terminate()
    check("SIGTERM ends it with status 0", web.wait() == 0)
    check("which the page tells", eventually(lambda: "does not answer" in b.text("#banner")))
    # While the broker was gone, a host of objects was not back, or web went in the middle of an answer.
    expected = "503", "502", "ERR_CONNECTION", "ERR_EMPTY_RESPONSE"
    complaints = [entry for entry in b.complaints() if not any(word in entry for word in expected)]
    check(f"the browser has nothing to say: {json.dumps(complaints)}", not complaints)


def main():
    system = System()
    browser = None
    try:
        browser = Browser()
        story(system, browser)
    except Exception:  # whatever it is, what was started ends
        traceback.print_exc(file=sys.stdout)
        check("the story comes to its end", False)
    finally:
        if failed:
            print(system.last_said())
        if browser:
            browser.end()
        system.end()
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0 or passed == 0)


main()
