# SPDX-License-Identifier: MIT
#
# Chromium without a screen, 1280 by 800, in the words of the test beside it. Elements are told by selectors of CSS.
import base64
import os
import shutil

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

FLAGS = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1",
         "--window-size=1280,800"]
CONTRAST = """
const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const element = document.querySelector(arguments[0]);
let ground = element;
while (ground && /, 0\\)$|transparent/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
const pair = [light(numbers(getComputedStyle(element).color)), light(numbers(getComputedStyle(ground).backgroundColor))];
return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
"""


class Browser:
    def __init__(self):
        options = Options()
        # Root has no sandbox in Chromium.
        for flag in FLAGS + (["--no-sandbox"] if os.getuid() == 0 else []):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.binary_location = shutil.which("chromium") or shutil.which("chromium-browser")
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.driver.set_page_load_timeout(60)
        self.command("Emulation.setDeviceMetricsOverride", width=1280, height=800, deviceScaleFactor=1, mobile=False)

    def command(self, name, **words):
        return self.driver.execute_cdp_cmd(name, words)

    def open(self, address):
        self.driver.get(address)

    def end(self):
        self.driver.quit()

    # ---- Looking ----

    def run(self, script, *words):
        return self.driver.execute_script(script, *words)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector)

    def text(self, selector):
        return " ".join(self.texts(selector))

    def number(self, selector, place):
        """The number in the so-manyth of these elements, or 0."""
        texts = self.texts(selector)
        digits = "".join(c for c in texts[place] if c.isdigit()) if place < len(texts) else ""
        return int(digits or 0)

    def shown(self, selector):
        return self.run("return document.querySelector(arguments[0]).checkVisibility()", selector)

    def node(self, name):
        return self.run("return [...document.querySelectorAll('.node')].some((n) => n.dataset.worker === arguments[0])", name)

    def edge(self, asker, host):
        return self.all(f'.edge[data-asker="{asker}"][data-host="{host}"]')

    def contrast(self, selector):
        return self.run(CONTRAST, selector)

    def picture(self):
        return base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    # ---- Touching ----

    def click(self, selector):
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def click_edge(self, asker, host):
        """Where the middle of its line is."""
        self.run("""
            const line = [...document.querySelectorAll(".edge")].find(
              (e) => e.dataset.asker === arguments[0] && e.dataset.host === arguments[1]).querySelector(".reach");
            line.dispatchEvent(new MouseEvent("click", { bubbles: true }));""", asker, host)

    def press(self, selector):
        self.run("document.querySelector(arguments[0]).focus()", selector)
        self.driver.switch_to.active_element.send_keys(Keys.ENTER)

    def escape(self):
        self.driver.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)

    def type(self, selector, text):
        self.driver.find_element(By.CSS_SELECTOR, selector).send_keys(text)

    def choose(self, name, value):
        self.run("""
            const control = document.getElementById("wanted").elements[arguments[0]];
            control.value = arguments[1];
            control.dispatchEvent(new Event("change", { bubbles: true }));""", name, value)

    def scheme(self, name):
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])
