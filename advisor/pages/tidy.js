// What Streamlit gives no hook for, so that the pages work with a keyboard and a screen reader. The frame sends this
// once a page; it runs again after every change that Streamlit makes, and doing so twice changes nothing.
(() => {
  if (window.threewaysTidy) return;
  window.threewaysTidy = true;

  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const set = (element, name, value) => {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  };
  const wordsOf = (element) => (element ? element.textContent.trim().replace(/\s+/g, " ") : "");

  function tidySteps() {
    for (const steps of all(".st-key-steps")) {
      set(steps, "role", "navigation");
      set(steps, "aria-label", "Steps");
    }
    for (const link of all(".st-key-top a")) {
      const step = link.closest('[class*="st-key-step-"]');
      const is = (state) => step !== null && step.className.includes(`st-key-step-${state}`);
      if (is("current")) set(link, "aria-current", "page");
      else link.removeAttribute("aria-current");
      if (is("closed")) {
        set(link, "role", "link");
        set(link, "aria-disabled", "true");
        set(link, "tabindex", "-1");
      } else if (link.getAttribute("aria-disabled") === "true") {
        for (const name of ["role", "aria-disabled", "tabindex"]) link.removeAttribute(name);
      }
    }
  }

  // Controls that say the same also say what they are about; the visible word comes first, as speech input needs it.
  function name(control, word, subject) {
    if (control && word && subject) set(control, "aria-label", `${word}: ${subject}`);
  }
  function nameControls() {
    for (const card of all('[class*="st-key-sample-"], [class*="st-key-strategy-"]')) {
      const subject = wordsOf(card.querySelector(".card-title"));
      for (const button of all(".stButton button", card)) name(button, wordsOf(button), subject);
      for (const box of all('.stCheckbox input[type="checkbox"]', card)) {
        name(box, wordsOf(box.closest("label")), subject);
      }
    }
    for (const uploader of all('[data-testid="stFileUploader"]')) {
      const subject = wordsOf(uploader.querySelector('[data-testid="stWidgetLabel"]'));
      const button = uploader.querySelector('[data-testid="stFileUploaderDropzone"] button');
      name(button, "Upload", subject);
      for (const input of all('input[type="file"]', uploader)) name(input, "File", subject);
    }
    for (const undo of all('[class*="st-key-undo-"] button')) {
      const row = undo.closest('[data-testid="stHorizontalBlock"]');
      if (row) name(undo, "Undo", wordsOf(row.querySelector('[data-testid="stText"]')));
    }
    for (const fold of all(".reading > summary")) {
      const part = fold.closest('[data-testid="stExpander"]');
      if (part) name(fold, wordsOf(fold), wordsOf(part.querySelector("summary strong")).replace(/[:.]$/, ""));
    }
  }

  // A chart is one picture with one description; its toolbar would be three stops for the Tab key before each.
  function tidyCharts() {
    for (const chart of all('[data-testid="stVegaLiteChart"]')) {
      for (const part of all("svg > g", chart)) set(part, "aria-hidden", "true");
      for (const stop of all("summary, .vega-actions a", chart)) set(stop, "tabindex", "-1");
      const frame = chart.closest('[data-testid="stFullScreenFrame"]');
      if (frame) for (const button of all('[data-testid="stElementToolbar"] button', frame)) set(button, "tabindex", "-1");
    }
  }

  // What scrolls can be reached with Tab, to be scrolled with the arrow keys; what fits is no stop. A table of
  // Streamlit's moves with its own keys, so what scrolls it is none either.
  function tidyScrolling() {
    for (const box of all('.scroll, .sent, pre, .code, .text, [data-testid="stCode"] *')) {
      const scrolls =
        (box.scrollWidth > box.clientWidth && /auto|scroll/.test(getComputedStyle(box).overflowX)) ||
        (box.scrollHeight > box.clientHeight && /auto|scroll/.test(getComputedStyle(box).overflowY));
      if (scrolls && !box.hasAttribute("tabindex")) {
        const attributes = { tabindex: "0", role: "group", "aria-label": box.querySelector("table") ? "Table" : "Text" };
        for (const [name, value] of Object.entries(attributes)) box.setAttribute(name, value);
        box.dataset.madeStop = "";
      } else if (!scrolls && "madeStop" in box.dataset) {
        for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
        delete box.dataset.madeStop;
      }
    }
  }

  // After a change of page, a screen reader and the Tab key go on from the new heading, not from a button that is gone.
  // History shows its comparison under the same path.
  const place = () => `${location.pathname} ${new URLSearchParams(location.search).get("view") ?? ""}`;
  let was = place();
  let leaving = null; // the heading of the page before, while that of the new page hasn't come
  const heading = () => document.querySelector('[data-testid="stMain"] h1, [data-testid="stMain"] .stop');
  let last = { element: null, words: "" };
  function followPage() {
    const now = heading();
    if (place() !== was) {
      was = place();
      leaving = last;
    }
    if (leaving && now && (now !== leaving.element || wordsOf(now) !== leaving.words)) {
      set(now, "tabindex", "-1");
      now.focus({ preventScroll: true });
      leaving = null;
    }
    if (!leaving) last = { element: now, words: wordsOf(now) };
  }

  let isPlanned = false;
  function plan() {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => {
      isPlanned = false;
      for (const tidy of [tidySteps, nameControls, tidyCharts, tidyScrolling, followPage]) tidy();
    });
  }
  new MutationObserver(plan).observe(document.body, { childList: true, characterData: true, subtree: true });
  window.addEventListener("resize", plan);
  document.addEventListener("toggle", plan, true); // a fold that opens shows what may scroll
  plan();
})();
