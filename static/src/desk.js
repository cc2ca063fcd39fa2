// Comforts of the desk: keys, the strip about new cases, the undo countdown, pictures. Every page works without them.

const desk = document.querySelector("[data-desk]");
const rows = [...document.querySelectorAll("[data-rows] tbody tr")];
let here = -1;

// Keys (UX-C3): never while somebody types, and off when the clerk says so.
function typing(target) {
  return target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]") !== null;
}

function stand(number) {
  if (!rows.length) return;
  if (rows[here]) rows[here].removeAttribute("data-here");
  here = Math.max(0, Math.min(rows.length - 1, number));
  rows[here].setAttribute("data-here", "");
  rows[here].querySelector("a").focus();
}

const ACTIONS = {
  j: () => stand(here + 1),
  k: () => stand(here - 1),
  x: () => {
    const box = rows[here] && rows[here].querySelector("input[type=checkbox]");
    if (box) box.checked = !box.checked;
  },
  "/": () => {
    const box = document.getElementById("q");
    if (box) box.focus();
  },
  a: () => focusOn("a"),
  r: () => focusOn("r"),
  "?": () => {
    const help = document.querySelector("[data-keys-help]");
    if (!help) return;
    help.open = true;
    help.querySelector("summary").focus();
  },
  Escape: () => {
    if (desk.dataset.back) location.assign(desk.dataset.back);
    else document.activeElement.blur();
  },
  z: () => turnTo("zoom"),
  t: () => turnTo("turn"),
  n: () => turnTo("next"),
};

// The keys of the pictures press the buttons under them, of the first viewer of the page.
function turnTo(step) {
  const tool = document.querySelector(`[data-viewer] [data-step="${step}"]`);
  if (tool && !tool.hidden) tool.click();
}

// The key leads to the button and does not press it: a decision is never one stray key away.
function focusOn(key) {
  const control = document.querySelector(`[data-key="${key}"]`);
  if (!control) return;
  control.scrollIntoView({ block: "center" });
  control.focus();
}

if (desk && desk.dataset.shortcuts === "on") {
  // The browser itself puts the focus on the row that the address names; the mark follows it.
  const wanted = rows.findIndex((row) => `#${row.querySelector("a").id}` === location.hash);
  if (wanted >= 0) stand(wanted);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const action = ACTIONS[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

// The strip (UX-C15): it asks once a minute while somebody is at the desk, changes its words and moves nothing.
const fresh = document.querySelector("[data-fresh]");
if (fresh) {
  let active = Date.now();
  for (const kind of ["pointerdown", "keydown"]) {
    document.addEventListener(kind, () => {
      active = Date.now();
    });
  }
  setInterval(async () => {
    // A page left alone asks nothing, so that it does not keep a session alive.
    if (document.hidden || Date.now() - active > 300000) return;
    const answer = await fetch(fresh.dataset.fresh, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) return;
    const found = await answer.json();
    if (found.count) {
      fresh.textContent = found.words;
      fresh.parentElement.setAttribute("data-new", "");
    }
  }, 60000);
}

// The strip with the last decision counts down and goes when it cannot be taken back any more (UX-C6).
for (const strip of document.querySelectorAll("[data-undo]")) {
  const number = strip.querySelector("[data-left]");
  const end = performance.now() + Number(strip.dataset.undo) * 1000;
  const tick = setInterval(() => {
    const left = Math.ceil((end - performance.now()) / 1000);
    if (number) number.textContent = String(Math.max(1, left));
    if (left > 0) return;
    clearInterval(tick);
    const held = strip.contains(document.activeElement);
    strip.hidden = true;
    if (held) document.querySelector("h1").focus();
  }, 250);
}

// The whole identity number beside the data, for a minute (UX-C11).
for (const box of document.querySelectorAll("[data-identity] form")) {
  box.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch(box.action, { method: "POST", body: new FormData(box) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const number = page.getElementById("identity-number");
    if (!number) {
      location.assign(box.action);
      return;
    }
    const line = document.createElement("p");
    line.className = "govuk-body-l portal-number";
    line.setAttribute("role", "status");
    line.textContent = number.textContent;
    box.after(line);
    setTimeout(() => line.remove(), 60000);
  });
}

// Pictures: zoom, turn, next. Without scripts each is a link to the picture itself.
for (const viewer of document.querySelectorAll("[data-viewer]")) {
  const stage = viewer.querySelector("[data-stage]");
  const pictures = [...viewer.querySelectorAll("[data-picture]")];
  let shown = 0;
  const show = (number) => {
    shown = (number + pictures.length) % pictures.length;
    const picture = stage.querySelector("img");
    picture.src = pictures[shown].href;
    picture.alt = pictures[shown].textContent.trim();
    stage.dataset.zoom = "1";
    stage.dataset.turn = "0";
    for (const link of pictures) link.removeAttribute("aria-current");
    pictures[shown].setAttribute("aria-current", "true");
  };
  // What is enlarged is shown from its middle: beside a picture that is not square the frame is empty.
  const centre = () => {
    stage.scrollLeft = (stage.scrollWidth - stage.clientWidth) / 2;
    stage.scrollTop = (stage.scrollHeight - stage.clientHeight) / 2;
  };
  const steps = {
    zoom: () => {
      stage.dataset.zoom = String((Number(stage.dataset.zoom || 1) % 3) + 1);
      centre();
    },
    turn: () => {
      stage.dataset.turn = String((Number(stage.dataset.turn || 0) + 1) % 4);
    },
    next: () => show(shown + 1),
  };
  for (const tool of viewer.querySelectorAll("[data-step]")) {
    tool.hidden = tool.dataset.step === "next" && pictures.length < 2;
    tool.addEventListener("click", () => steps[tool.dataset.step]());
  }
  pictures.forEach((link, number) => {
    // The links beside a judgement lead to the same pictures.
    const same = [...document.querySelectorAll("[data-show]")].filter((other) => other.href === link.href);
    for (const one of [link, ...same]) {
      one.addEventListener("click", (event) => {
        event.preventDefault();
        show(number);
        if (one !== link) viewer.scrollIntoView({ block: "nearest" });
      });
    }
  });
}
