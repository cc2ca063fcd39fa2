// Small comforts. Every page works without this file.
const root = document.documentElement;
root.classList.add("js-enabled");

for (const summary of document.querySelectorAll("[data-focus]")) {
  summary.focus();
}

// A second press of a button within a second is a slip, not a second wish; the server would answer it alike.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const last = Number(form.dataset.sentAt || 0);
  if (event.timeStamp - last < 1000 && last) {
    event.preventDefault();
    return;
  }
  form.dataset.sentAt = String(event.timeStamp);
});

for (const link of document.querySelectorAll(".govuk-error-summary a[href^='#']")) {
  link.addEventListener("click", (event) => {
    const control = document.getElementById(link.hash.slice(1));
    if (!control) return;
    event.preventDefault();
    const group = control.closest(".govuk-form-group");
    (group || control).scrollIntoView();
    control.focus({ preventScroll: true });
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// Two minutes before a session ends a strip offers to stay; after it, signing in leads back to the page.
for (const strip of document.querySelectorAll("[data-session-ends]")) {
  let ends = Date.parse(strip.dataset.sessionEnds);
  setInterval(() => {
    strip.hidden = Date.now() < ends - 120000;
  }, 5000);
  strip.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch(event.target.action, { method: "POST", body: new FormData(event.target) });
    const later = answer.headers.get("X-Session-Ends");
    if (later) {
      ends = Date.parse(later);
      strip.hidden = true;
    } else {
      location.reload();
    }
  });
}
