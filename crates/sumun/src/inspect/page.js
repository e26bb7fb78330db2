// Draws the heat maps and moves through the steps. Charts and numbers beside them need no script.
"use strict";
(() => {
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const MIDDLE = 31;
  const level = new Map([...LETTERS].map((letter, place) => [letter, place - MIDDLE]));
  // Steps are those of what is read, or of what is written; each has its slider.
  const of = (element) => element.closest("[data-of]")?.dataset.of ?? "read";
  const maps = [...document.querySelectorAll(".map")].map((element) => ({
    element,
    canvas: element.querySelector("canvas"),
    output: element.querySelector("output"),
    units: Number(element.dataset.units),
    steps: Number(element.dataset.steps),
    scale: Number(element.dataset.scale),
    values: Int8Array.from(element.querySelector("script").textContent, (letter) => level.get(letter)),
  }));

  const colour = (name) => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1);
    return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
  };
  const draw = () => {
    const low = colour("--heat-low"), none = colour("--heat-none"), high = colour("--heat-high");
    for (const map of maps) {
      const context = map.canvas.getContext("2d");
      const image = context.createImageData(map.steps, map.units);
      map.values.forEach((value, place) => {
        const end = value < 0 ? low : high;
        const share = Math.abs(value) / MIDDLE;
        for (let c = 0; c < 3; c++) image.data[4 * place + c] = none[c] + share * (end[c] - none[c]);
        image.data[4 * place + 3] = 255;
      });
      context.putImageData(image, 0, 0);
    }
  };
  draw();
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", draw);

  const written = (value) => value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  for (const map of maps) {
    map.rule = document.createElement("div");
    map.rule.className = "rule";
    map.canvas.parentElement.append(map.rule);
  }
  for (const stepper of document.querySelectorAll(".stepper")) {
    const own = (element) => of(element) === of(stepper);
    const names = JSON.parse(stepper.querySelector("script").textContent);
    const slider = stepper.querySelector("input");
    const marked = [...document.querySelectorAll("[data-step]")].filter(own);
    const seen = maps.filter((map) => own(map.element));
    // What is said beside a map, with %1, %2 … for the numbers: the page has it in the language that it is written in.
    const said = (what, ...parts) => stepper.dataset[what].replace(/%(\d)/g, (_, place) => parts[place - 1]);
    const name = (step) => names[step - 1] === String(step) ? "" : names[step - 1];
    const show = () => {
      const step = Number(slider.value);
      stepper.querySelector("output").textContent = step;
      stepper.querySelector("b").textContent = name(step);
      for (const element of marked) element.classList.toggle("now", Number(element.dataset.step) === step);
      for (const map of seen) {
        let sum = 0;
        for (let unit = 0; unit < map.units; unit++) sum += map.values[unit * map.steps + step - 1];
        map.output.textContent = said("mean", written(sum / map.units / MIDDLE * map.scale));
        map.rule.style.left = `${100 * (step - 1) / map.steps}%`;
        map.rule.style.width = `${100 / map.steps}%`;
      }
    };
    slider.addEventListener("input", show);
    show();
    for (const element of marked) {
      element.addEventListener("click", () => { slider.value = element.dataset.step; show(); });
    }
    for (const map of seen) {
      const grid = map.canvas.parentElement;
      grid.addEventListener("click", (event) => {
        const box = grid.getBoundingClientRect();
        slider.value = 1 + Math.floor((event.clientX - box.left) / box.width * map.steps);
        show();
      });
      grid.addEventListener("pointermove", (event) => {
        const box = map.canvas.getBoundingClientRect();
        const step = Math.min(map.steps - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * map.steps)));
        const unit = Math.min(map.units - 1, Math.max(0, Math.floor((event.clientY - box.top) / box.height * map.units)));
        const value = map.values[unit * map.steps + step] / MIDDLE * map.scale;
        map.output.textContent = said("at", unit, step + 1, name(step + 1), written(value));
      });
      grid.addEventListener("pointerleave", show);
    }
  }
})();
