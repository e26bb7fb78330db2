// Read-outs under the pointer. The page is complete without this script.
"use strict";
for (const figure of document.querySelectorAll("figure")) {
  const source = figure.querySelector("script");
  const frame = figure.querySelector(".drawings");
  if (!source || !frame) continue;
  const data = JSON.parse(source.textContent);
  const tip = document.createElement("div");
  const rule = document.createElement("div");
  tip.className = "tip";
  rule.className = "rule";
  tip.hidden = rule.hidden = true;
  frame.append(rule, tip);
  const written = (v) => v.toLocaleString("en-US", { maximumSignificantDigits: 5 });
  const hide = () => { tip.hidden = rule.hidden = true; };
  frame.addEventListener("pointerleave", hide);
  frame.addEventListener("pointermove", (event) => {
    const svg = [...frame.querySelectorAll("svg")].find((s) => s.getClientRects().length > 0);
    if (!svg || data.x.length === 0) return;
    const box = svg.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    const [left, right, top, bottom] = svg.dataset.plot.split(" ").map((v) => v * scale);
    const at = event.clientX - box.left;
    if (at < left - 8 || at > right + 8) return hide();
    const [low, high] = data.r;
    const x = low + (at - left) / (right - left) * (high - low);
    let a = 0, b = data.x.length - 1;
    while (b - a > 1) {
      const middle = (a + b) >> 1;
      if (data.x[middle] < x) a = middle; else b = middle;
    }
    const i = Math.abs(data.x[a] - x) <= Math.abs(data.x[b] - x) ? a : b;
    const place = left + (data.x[i] - low) / (high - low) * (right - left);
    tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: data.t[i] }));
    for (const line of data.s) {
      if (line.v[i] === null || line.v[i] === undefined) continue;
      const row = document.createElement("span");
      const value = document.createElement("i");
      row.className = line.c;
      row.textContent = line.n;
      value.textContent = written(line.v[i]);
      row.append(value);
      tip.append(row);
    }
    tip.hidden = rule.hidden = false;
    rule.style.cssText = `left:${place}px;top:${top}px;height:${bottom - top}px`;
    const wide = tip.offsetWidth;
    const beside = place + 14 + wide > box.width ? place - 14 - wide : place + 14;
    tip.style.left = `${Math.max(0, beside)}px`;
    tip.style.top = `${top + 8}px`;
  });
}
