// Photos of materials: each chosen file is sent by itself, with its own progress, and again after the connection was
// lost. Without this file the whole form is sent by its button.

const form = document.querySelector("[data-uploads]");
const said = form && form.querySelector("[data-said]");
const waiting = [];
let busy = false;

// The name by which the server knows a file that is sent once more, so that it is kept once.
function fileName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function button(words, name, action) {
  const made = make("button", "portal-link-button", words);
  made.type = "button";
  made.append(make("span", "govuk-visually-hidden", ` ${name}`));
  made.addEventListener("click", action);
  return made;
}

// One line for each file: its name, how far it is, and what became of it.
function queued(section, field, file) {
  const line = make("li", "portal-queue__file");
  const bar = make("progress", "portal-queue__bar");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", file.name);
  const state = make("span", "portal-queue__state", form.dataset.waiting);
  line.append(make("span", "portal-queue__name", file.name), bar, state);
  const list = section.querySelector("[data-queue]");
  list.hidden = false;
  list.append(line);
  return { section, field, file, line, bar, state, id: fileName(), stopped: false };
}

function tell(one, words) {
  one.state.textContent = words;
  said.textContent = `${one.file.name}: ${words}`;
}

function drop(one) {
  const list = one.line.parentElement;
  one.line.remove();
  if (list && !list.children.length) list.hidden = true;
}

// What went wrong stays beside the file until somebody sends it again or leaves it out.
function fail(one, words, again) {
  one.line.classList.add("portal-queue__file--error");
  one.bar.hidden = true;
  tell(one, words);
  const choices = make("span", "portal-queue__choices");
  one.stopped = again;
  if (again) choices.append(button(form.dataset.again, one.file.name, () => retry(one)), " ");
  choices.append(button(form.dataset.drop, one.file.name, () => drop(one)));
  one.line.append(choices);
}

function retry(one) {
  if (!one.stopped) return;
  one.stopped = false;
  one.line.classList.remove("portal-queue__file--error");
  one.line.querySelector(".portal-queue__choices").remove();
  one.bar.hidden = false;
  one.bar.value = 0;
  one.state.textContent = form.dataset.waiting;
  waiting.push(one);
  next();
}

// The part of the page about this material, and what was deleted, as the server has it now.
async function renew(section) {
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(section.id);
  if (!fresh) return;
  for (const part of ["[data-sent]", "[data-more]"]) {
    section.querySelector(part).replaceWith(fresh.querySelector(part));
  }
  form.querySelector("[data-deleted]").replaceWith(page.querySelector("[data-deleted]"));
}

function answered(one, request) {
  if (request.status === 413) return fail(one, form.dataset.large, false);
  if (request.status === 429) return fail(one, form.dataset.busy, true);
  if (request.status >= 500 || request.status === 0) return fail(one, form.dataset.lost, true);
  let answer = null;
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    return fail(one, form.dataset.over, false);
  }
  if (answer.why.length) return fail(one, answer.why.join(" "), false);
  tell(one, form.dataset.kept);
  return renew(one.section).then(() => drop(one));
}

function send(one) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    const data = new FormData();
    data.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
    data.append("file", one.id);
    data.append("then", "stay");
    data.append(one.field, one.file);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) one.bar.value = event.loaded / event.total;
    });
    request.upload.addEventListener("load", () => {
      one.bar.removeAttribute("value");
      one.state.textContent = form.dataset.reading;
    });
    request.addEventListener("load", () => done(Promise.resolve(answered(one, request)).catch(() => drop(one))));
    for (const kind of ["error", "timeout", "abort"]) {
      request.addEventListener(kind, () => done(fail(one, form.dataset.lost, true)));
    }
    request.timeout = 120000;
    request.open("POST", location.pathname);
    request.setRequestHeader("Accept", "application/json");
    one.state.textContent = form.dataset.sending;
    request.send(data);
  });
}

// One after the other: in the order they were chosen, and a slow line is not shared by twelve files.
async function next() {
  if (busy) return;
  busy = true;
  while (waiting.length) await send(waiting.shift());
  busy = false;
}

if (form && window.FormData && window.Promise) {
  form.addEventListener("change", (event) => {
    const control = event.target;
    if (control.type !== "file" || !control.files.length) return;
    const section = control.closest("section");
    for (const file of control.files) waiting.push(queued(section, control.name, file));
    control.value = "";
    next();
  });

  window.addEventListener("online", () => {
    for (const line of form.querySelectorAll(".portal-queue__file--error")) {
      const again = line.querySelector("button");
      if (again && again.firstChild.textContent === form.dataset.again) again.click();
    }
  });

  window.addEventListener("beforeunload", (event) => {
    if (busy) event.preventDefault();
  });
}
