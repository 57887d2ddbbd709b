// The status page without a browser: runs the script of PAGE on STATUS, and prints what stands in each of its parts.
// Usage: node status_page.mjs PAGE STATUS
import fs from "node:fs";
import vm from "node:vm";

class Element {
  children = [];
  classList = { add() {}, remove() {}, toggle() {} };
  clientWidth = 800;
  get childElementCount() { return this.children.length; }
  get text() { return this.children.map(each => each instanceof Element ? each.text : each).filter(Boolean).join(" "); }
  set textContent(text) { this.children = [text]; }
  setAttribute() {}
  addEventListener() {}
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  querySelectorAll() { return this.children.flatMap(table => table.children?.[1]?.children ?? []); }
}

const [, , page, status] = process.argv;
const parts = new Map();
const document = {
  body: new Element(), title: "", hidden: false, addEventListener() {},
  getElementById(id) { return parts.get(id) ?? parts.set(id, new Element()).get(id); },
  createElement() { return new Element(); },
  createElementNS() { return new Element(); },
};
const answer = { ok: true, json: async () => JSON.parse(fs.readFileSync(status, "utf8")) };
const script = fs.readFileSync(page, "utf8").match(/<script[^>]*>([\s\S]*)<\/script>/)[1];
vm.runInNewContext(script, {
  document, console, AbortSignal, fetch: async () => answer, setInterval() {}, setTimeout() {}, addEventListener() {},
});
setImmediate(() => {
  for (const [id, part] of parts) console.log(id + ": " + part.text);
});
