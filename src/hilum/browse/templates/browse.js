// The page works without this script; with it, a change swaps only what it changes, and focus stays where it is.
"use strict";

const form = document.getElementById("ask");
const hint = document.getElementById("hint");
const results = document.getElementById("results");
const CASES = ["said", "layer", "cases", "status"];
const due = new Set(); // parts that a change has made old, and no answer has made new yet
let asked = null;
let timer = 0;

document.getElementById("go").hidden = true;

function address() {
  const words = new URLSearchParams(new FormData(form));
  if (!words.get("find")) words.delete("find");
  return "/?" + words;
}

// Fetch the page as it would be now, and take the parts of it that are due.
async function update() {
  clearTimeout(timer);
  const parts = [...due];
  asked?.abort();
  asked = new AbortController();
  const mine = asked;
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address(), { signal: mine.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine.signal.aborted) return;
    if (!answer.ok) throw new Error(page.getElementById("refused")?.textContent ?? answer.statusText);
    for (const id of parts) document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
    for (const link of page.querySelectorAll("a[id]")) {
      const here = document.getElementById(link.id);
      here?.setAttribute("href", link.getAttribute("href"));
      if (link.hasAttribute("aria-current")) here?.setAttribute("aria-current", "true");
      else here?.removeAttribute("aria-current");
    }
    document.title = page.title;
    history.replaceState(null, "", address());
    parts.forEach((part) => due.delete(part));
  } catch (error) {
    if (error.name !== "AbortError") document.getElementById("status").textContent = "No answer: " + error.message;
  } finally {
    if (mine === asked) results.removeAttribute("aria-busy");
  }
}

function now(parts) {
  parts.forEach((part) => due.add(part));
  update();
}

// A slider or a filter tells of every step: only the last of a quick series is asked for.
function later(parts) {
  parts.forEach((part) => due.add(part));
  clearTimeout(timer);
  timer = setTimeout(update, 150);
}

function chooseRegion(region) {
  form.elements.region.value = region;
  hint.textContent = region;
  now(CASES);
}

// Boxes lie above each other: a click takes the smallest one there, another click the next larger.
function regionAt(event, link) {
  const there = document.elementsFromPoint(event.clientX, event.clientY)
    .map((element) => element.closest("a[data-region]")?.dataset.region)
    .filter((region) => region);
  const at = there.indexOf(form.elements.region.value);
  return there.length ? there[(at + 1) % there.length] : link.dataset.region;
}

form.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-image], a[data-region]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.dataset.image) {
    form.elements.image.value = link.dataset.image;
    now([...CASES, "view-title", "film", "named"]);
  } else {
    const boxed = event.detail && link.closest("#regions"); // a press of Enter names its box
    chooseRegion(boxed ? regionAt(event, link) : link.dataset.region);
  }
});

form.addEventListener("input", (event) => {
  if (event.target.id === "alpha") {
    document.getElementById("alpha-value").value = Number(event.target.value).toFixed(2);
    later(CASES);
  } else if (event.target.id === "find") later(["images", "n-found"]);
  else if (event.target.id === "k" && event.target.checkValidity()) later(CASES);
  else if (event.target.id === "region") chooseRegion(event.target.value);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  now([...CASES, "images", "n-found"]);
});

for (const kind of ["mouseover", "focusin"]) {
  form.addEventListener(kind, (event) => {
    const link = event.target.closest("a[data-region]");
    hint.textContent = link ? link.dataset.region : form.elements.region.value;
  });
}
