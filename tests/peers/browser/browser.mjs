// Drives headless Chromium over the supervisor's page. Obeys requests on standard input, a line of JSON each, and answers with
// {"ok": true} or with what it saw instead. Started with the folder that playwright-core and axe-core are installed in.

import { createRequire } from "node:module";
import { readFile, stat } from "node:fs/promises";
import { createInterface } from "node:readline";

/** Shorter than the test waits for an answer, so that the test hears what was seen instead. */
const PATIENCE_MS = 40_000;
const CHROMIUM = "/usr/bin/chromium";
/** A picture for the documentation is small. */
const PICTURE_MAX_BYTES = 150_000;
const SERIOUS = ["serious", "critical"];

const require = createRequire(`${process.argv[2]}/`);
const { chromium } = require("playwright-core");
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
const isRoot = process.getuid() === 0;
const browser = await chromium.launch({ executablePath: CHROMIUM, args: isRoot ? ["--no-sandbox"] : [] });

let page = null;
let origin = "";
let wrongs = [];
/** While the daemon is away, the page cannot but fail to reach it. */
let isAway = false;

const REQUESTS = {
  /** A new page for a viewer, waiting until it is live. */
  async open(how) {
    await REQUESTS.visit(how);
    await live();
  },
  /** A new page for a viewer. */
  async visit({ url, viewer: { width, height, scheme, language } }) {
    await page?.context().close();
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, locale: language });
    page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    origin = new URL(url).origin;
    wrongs = [];
    watch();
    await page.goto(url);
  },
  async go({ address }) {
    await page.evaluate((hash) => (location.hash = hash), address);
    await page.waitForFunction((hash) => location.hash === hash && document.querySelector("main h1"), address);
  },
  async back() {
    await page.goBack();
  },
  /** The address within the page is, or becomes, that. */
  async address({ is }) {
    await page.waitForFunction((is) => location.hash === is, is);
  },
  async sees({ selector, text }) {
    const seen = (given) => document.querySelector(given.selector)?.textContent.includes(given.text);
    await page.waitForFunction(seen, { selector, text }).catch(async () => {
      const there = await page.locator(selector).first().textContent({ timeout: 100 }).catch(() => "nothing");
      throw new Error(`${selector} shows ${JSON.stringify(there.slice(0, 400))}, not ${JSON.stringify(text)}`);
    });
  },
  async sees_not({ selector }) {
    await page.locator(selector).first().waitFor({ state: "hidden" });
  },
  /** So many elements are, or become, visible. */
  async counts({ selector, is }) {
    const seen = ({ selector }) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()).length;
    const counted = `(${seen})(${JSON.stringify({ selector })})`;
    await page.waitForFunction(`${counted} === ${is}`).catch(async () => {
      throw new Error(`${await page.evaluate(counted)} of ${selector} are visible, not ${is}`);
    });
  },
  async click({ selector }) {
    await page.locator(selector).first().click();
  },
  async fill({ selector, text }) {
    await page.locator(selector).first().fill(text);
  },
  async choose({ selector, value }) {
    await page.locator(selector).first().selectOption(value);
  },
  async press({ keys }) {
    for (const key of keys) await page.keyboard.press(key);
  },
  /** The keyboard is at that element. */
  async focused({ selector }) {
    await page.waitForFunction((selector) => document.activeElement?.matches(selector), selector).catch(async () => {
      const at = await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200));
      throw new Error(`the keyboard is at ${at}, not at ${selector}`);
    });
  },
  /** Puts the slider of a replay at a share of its way, as a person who drags it. */
  async slide({ selector, share }) {
    const { x, y, width, height } = await page.locator(selector).boundingBox();
    await page.mouse.click(x + width * share, y + height / 2);
  },
  async live() {
    await live();
    isAway = false;
  },
  async lost() {
    isAway = true;
    await page.waitForSelector('body[data-status="lost"]');
  },
  async quiet() {
    if (wrongs.length > 0) throw new Error(wrongs.join("\n"));
  },
  async accessible() {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const serious = violations.filter(({ impact }) => SERIOUS.includes(impact));
    if (serious.length === 0) return;
    const told = serious.map(({ id, help, nodes }) => {
      return `${id}: ${help}\n${nodes.slice(0, 5).map((node) => `  ${node.target}: ${node.failureSummary}`).join("\n")}`;
    });
    throw new Error(told.join("\n"));
  },
  async picture({ file }) {
    await page.screenshot({ path: file });
    const { size } = await stat(file);
    if (size > PICTURE_MAX_BYTES) throw new Error(`${file} takes ${size} bytes, more than ${PICTURE_MAX_BYTES}`);
  },
};

async function live() {
  await page.waitForSelector('body[data-status="live"]');
}

/** Keeps what goes wrong in the page. */
function watch() {
  page.on("pageerror", (error) => wrongs.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !isAway) wrongs.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) wrongs.push(`asked a third party: ${request.url()}`);
  });
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const { do: what, how } = JSON.parse(line);
  const answer = await REQUESTS[what](how).then(() => `{"ok": true}`, (error) => JSON.stringify({ ok: false, error: error.message }));
  console.log(answer);
}
await browser.close();
