// What a panel leaves to the saved page that takes its place: its formulas, typeset or waiting for
// it, and the heights of what is out of sight. So the page renders nothing again that was live, and
// what is being read does not move. Loaded between document.js and panel.js, as one module; the
// page's own script calls it, before the host's MathJax comes.

// What stands in the answer's column and is no part of the answer.
const BESIDE_ANSWER = ".glm-e, .glm-g, .glm-i, .glm-tool";
const ON_SCREEN = ":not(:is(.glm-near, .glm-unseen, details:not([open])) *)";
const NEAR = ":is(.glm-near *)";
const FORMULAS_WHEN_IDLE = 8;

const whenIdle = window.requestIdleCallback ?? ((run) => setTimeout(run));

/** Put the answer's blocks into the same runs as in the panel, and note which are off the screen. */
function handOverRuns(page, runs) {
  const answer = page.querySelector(".glm-a");
  const blocks = [...(answer?.children ?? [])].filter((node) => !node.matches(BESIDE_ANSWER));
  const count = runs.reduce((sum, run) => sum + run.count, 0);
  if (runs.length < 2 || blocks.length !== count) return;
  for (const run of runs) {
    const node = element("div", "", run.size ? "glm-f glm-sealed" : "glm-f");
    node.classList.toggle("glm-next", run !== runs[0]);
    if (!run.isOnScreen) node.classList.add(run.isSeen ? "glm-near" : "glm-unseen");
    node.style.containIntrinsicSize = run.size;
    blocks[0]?.before(node);
    node.append(...blocks.splice(0, run.count));
  }
}

/**
 * Leave the laying out of a page to the next frame: the host asks for it in the task in which the
 * page comes. Until then it is as high as its panel was, or the notebook would be scrolled. That
 * frame lays out what is on the screen; what the browser lays out near to it waits for `showNear`.
 */
function layOutLater(page, height) {
  const near = [...page.querySelectorAll(".glm-near")];
  for (const node of [page, ...near]) node.style.contentVisibility = "hidden";
  page.style.containIntrinsicHeight = `${height}px`;
  requestAnimationFrame(() => (page.style.contentVisibility = page.style.containIntrinsicHeight = ""));
  return function showNear() {
    for (const run of near) run.style.contentVisibility = "";
  };
}

/**
 * Drop a style sheet that panels brought as well: for a new one the browser works out anew how the
 * notebook looks.
 */
function dropStyle(page) {
  const sheet = page.querySelector(":scope > style");
  const ours = document.getElementById(STYLE_ID);
  if (sheet && ours?.textContent.includes(sheet.textContent)) sheet.remove();
}

/**
 * Show the formulas of a page: those that are typeset already at once where they are on the screen,
 * and with `showRest` the others, as the page has time for them. MathJax would typeset all that are
 * left in one task, so it is told to ignore the page; with the mark of its own output it does not
 * even walk through it.
 */
function handOverFormulas(page, typesetter, bench) {
  page.classList.add("mathjax_ignore");
  page.setAttribute("data-MJX", "glm");
  const later = new Set();
  const show = (which, showKnown) => {
    showFormulas(formulasIn(page, which), showKnown, showFormula);
    if (!isTypesetting && !WAITING.size) return;
    if (!bench.isConnected) page.append(bench); // the panel, where they were measured, has gone
    typesetWaiting(typesetter, bench);
  };
  show(ON_SCREEN, showFormula);
  return function showRest() {
    show(NEAR, showFormula);
    show("", (node, ready) => later.add({ nodes: [node], ready }));
    showWhenIdle(later);
  };
}

/** Show a few formulas at a time; a page that is never idle gets them too. */
function showWhenIdle(formulas) {
  if (!formulas.size) return;
  const showSome = () => {
    for (const one of first([...formulas], FORMULAS_WHEN_IDLE)) {
      showFormula(one.nodes[0], one.ready);
      formulas.delete(one);
    }
    showWhenIdle(formulas);
  };
  whenIdle(showSome, { timeout: LATE_MS });
}

/** Give a page what its panel had; return whether its formulas came with it. */
window.glmHandover = (page) => {
  const docs = page.closest(".jp-OutputArea")?.[HOME]?.docs ?? [];
  // The page that comes is the newest reply's; where its cell runs again, an older one is there too.
  return [...docs].reverse().map((doc) => doc.handOver(page)).includes(true);
};
