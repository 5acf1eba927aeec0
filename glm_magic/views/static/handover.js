// What a panel leaves to the saved page that takes its place: its formulas, which are typeset
// already, and the heights of what is out of sight. So the page renders nothing again that was
// live, and what is being read does not move. Loaded between document.js and panel.js, as one
// module; the page's own script calls it, before the host's MathJax comes.

// What stands in the answer's column and is no part of the answer.
const BESIDE_ANSWER = ".glm-e, .glm-g, .glm-i, .glm-tool";
const FORMULAS_WHEN_IDLE = 8;

const whenIdle = window.requestIdleCallback ?? setTimeout;

/** Put the answer's blocks into the same runs as in the panel; return those that are out of sight. */
function handOverRuns(page, runs) {
  const unseen = new Set();
  const answer = page.querySelector(".glm-a");
  const blocks = [...(answer?.children ?? [])].filter((node) => !node.matches(BESIDE_ANSWER));
  const count = runs.reduce((sum, run) => sum + run.count, 0);
  if (runs.length < 2 || blocks.length !== count) return unseen;
  for (const run of runs) {
    const node = element("div", "", run.size ? "glm-f glm-sealed" : "glm-f");
    node.classList.toggle("glm-next", run !== runs[0]);
    node.style.containIntrinsicSize = run.size;
    blocks[0]?.before(node);
    node.append(...blocks.splice(0, run.count));
    if (!run.isSeen) unseen.add(node);
  }
  return unseen;
}

/**
 * Leave the laying out of a page to the next frame: the host asks for it in the task in which the
 * page comes. Until then it is as high as its panel was, or the notebook would be scrolled.
 */
function layOutLater(page, height) {
  page.style.contentVisibility = "hidden";
  page.style.containIntrinsicHeight = `${height}px`;
  requestAnimationFrame(() => (page.style.contentVisibility = page.style.containIntrinsicHeight = ""));
}

/** Drop a style sheet that panels brought as well: for a new one the browser works out anew how the notebook looks. */
function dropStyle(page) {
  const sheet = page.querySelector(":scope > style");
  const ours = document.getElementById(STYLE_ID);
  if (sheet && ours?.textContent.includes(sheet.textContent)) sheet.remove();
}

/** Show the formulas that `known` has, at first those in sight; the others are left to the host. */
function handOverFormulas(page, known, unseen) {
  const later = [];
  for (const node of page.querySelectorAll(".glm-x")) {
    const ready = known.get(node.textContent);
    const isSeen = !unseen.has(node.closest(".glm-f")) && !isFolded(node);
    if (!(ready instanceof Node)) node.classList.add("mathjax_process");
    else if (isSeen) showFormula(node, ready);
    else later.push([node, ready]);
  }
  page.classList.add("mathjax_ignore");
  passOver(page);
  showWhenIdle(later);
}

/** Mark the parts in which nothing is left for MathJax, as it marks its own: it does not walk through them. */
function passOver(page) {
  for (const part of page.querySelectorAll(".glm-r, .glm-f, .glm-a > :not(.glm-f)"))
    if (!part.matches(".mathjax_process") && !part.querySelector(".mathjax_process")) part.setAttribute("data-MJX", "glm");
}

function showWhenIdle(formulas) {
  if (!formulas.length) return;
  whenIdle(() => {
    for (const formula of formulas.splice(0, FORMULAS_WHEN_IDLE)) showFormula(...formula);
    showWhenIdle(formulas);
  });
}

window.glmHandover = (page) => page.closest(".jp-OutputArea")?.[HOME]?.docs.forEach((doc) => doc.handOver(page));
