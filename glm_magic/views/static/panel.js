// The live panel. Python renders; this file shows, follows, and sends back what the user presses.
// notebook.js, document.js and handover.js come before it, as one module.

const READY_AGAIN_MS = [600, 1500, 3000];
const COPIED_MS = 1400;
const STYLE_ID = "glm-panel-style";
const AT_THE_END_PX = 30;
const BY_USER_MS = 1000;
const RUN_BLOCKS = 12;
const GO_ON = "%glm resume";

const ICONS = {
  stop: '<svg viewBox="0 0 12 12" aria-hidden="true"><rect x="2" y="2" width="8" height="8" rx="1.5"/></svg>',
  copy:
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path fill="none" stroke="currentColor" stroke-width="1.3"' +
    ' d="M5.5 4.5v-1a2 2 0 0 1 2-2h5a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2h-1M3.5 5.5h5a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2h-5a2 2 0 0 1-2-2v-5a2 2 0 0 1 2-2z"/></svg>',
};

// ---- mathematics: the host's own MathJax, each formula typeset once ----------------------------

const FORMULAS = new Map();
const MOST_FORMULAS = 2000;
const MOST_AT_ONCE = 16;
const TYPESETTING_MS = 30;
const LATE_MS = 100;
const FONTS_MS = 2000;
const WAITING = new Map(); // by their TeX, formulas that are not typeset yet: what shows each, and where
let isTypesetting = false;

/** Wait for the page to be laid out; one that nobody sees, or that is too busy for it, is laid out here. */
const laidOut = () =>
  new Promise((resolve) => {
    const late = setTimeout(() => resolve(document.body.offsetHeight), LATE_MS);
    requestAnimationFrame(() => (clearTimeout(late), setTimeout(resolve)));
  });

/** Wait for the fonts that the page has asked for; one that does not come is not waited for. */
const fontsLoaded = () =>
  document.fonts.status === "loading" &&
  Promise.race([document.fonts.ready, new Promise((resolve) => setTimeout(resolve, FONTS_MS))]);

/**
 * Typeset the formulas that wait, as many in a task as the page has time for. MathJax measures them
 * on the page, which is laid out for it alone where anything has changed since the last frame. They
 * are shown a frame later, when the page has the fonts that they ask for: in other fonts they have
 * other sizes, and what stands below would jump.
 */
async function typesetWaiting(typesetter, bench) {
  if (isTypesetting || !WAITING.size) return;
  isTypesetting = true;
  for (let count = 1; WAITING.size; ) {
    await laidOut();
    const some = first([...WAITING.values()], count);
    for (const { formula } of some) WAITING.delete(formula);
    const began = performance.now();
    const show = await typesetSome(typesetter, bench, some);
    const affordable = Math.floor((some.length * TYPESETTING_MS) / (performance.now() - began));
    count = Math.min(Math.max(affordable, 1), MOST_AT_ONCE);
    await laidOut();
    await fontsLoaded();
    show();
  }
  isTypesetting = false;
}

/** The first of some formulas: of those in sight, if there are any. */
function first(formulas, count) {
  const inSight = formulas.filter(({ nodes }) => nodes.some(isInSight));
  return (inSight.length ? inSight : formulas).slice(0, count);
}

/** Let the host typeset some formulas off screen, together; return what shows them. */
async function typesetSome(typesetter, bench, some) {
  const nodes = some.map(({ formula }) => element("span", formula));
  const group = element("div", "");
  group.append(...nodes);
  // The view that asked may be gone, as where its cell was moved: formulas are measured on the page.
  (bench.isConnected ? bench : (document.querySelector(".glm-bench") ?? bench)).append(group);
  try {
    await typesetter.typeset(group);
    for (let i = 0; i < 80 && !group.querySelector("mjx-container, .MathJax"); i++)
      await new Promise((resolve) => setTimeout(resolve, 25));
  } catch {
    nodes.forEach((node, index) => (node.textContent = some[index].formula));
  }
  return () => {
    group.remove();
    some.forEach(({ formula, show }, index) => {
      FORMULAS.set(formula, nodes[index]);
      show(nodes[index]);
    });
  };
}

/** Show the formulas below `root` as the MathML they carry, in a host without MathJax. */
function draw(root) {
  for (const node of root.querySelectorAll(".glm-x[data-mathml]:not([data-set])")) {
    node.dataset.set = "";
    node.innerHTML = node.dataset.mathml;
  }
}

/** Show the formulas below `root` typeset, at once those that are known; none makes a view lower. */
function typeset(root, view) {
  const typesetter = typesetterOf(view.model);
  if (!typesetter) return draw(root);
  if (FORMULAS.size > MOST_FORMULAS) forgetTypeset();
  const showLate = (node, typesetNode) => (view.keepHeight(), showFormula(node, typesetNode));
  showFormulas(formulasIn(root), showFormula, showLate);
  typesetWaiting(typesetter, view.bench);
}

/** What still waits is kept, or nobody would ever show it. */
function forgetTypeset() {
  for (const [formula, ready] of FORMULAS) if (ready instanceof Node) FORMULAS.delete(formula);
}

/** The host's own typesetter, if it has one. */
function typesetterOf(model) {
  return model.widget_manager?.rendermime?.latexTypesetter;
}

/**
 * The formulas below `root` that are still TeX, each with its typeset form, or a promise of it; of
 * those only the ones that match a selector too.
 */
function formulasIn(root, which = "") {
  return Array.from(root.querySelectorAll(`.glm-x:not([data-set], :has(*))${which}`), (node) => {
    const formula = node.textContent;
    node.dataset.set = "";
    if (!FORMULAS.has(formula))
      FORMULAS.set(formula, new Promise((show) => WAITING.set(formula, { formula, show, nodes: [] })));
    WAITING.get(formula)?.nodes.push(node);
    return [node, FORMULAS.get(formula)];
  });
}

/** Show formulas by `showKnown` where they are typeset already, and by `showLate` as they get it. */
function showFormulas(formulas, showKnown, showLate) {
  for (const [node, ready] of formulas)
    if (ready instanceof Node) showKnown(node, ready);
    else ready.then((typesetNode) => showLate(node, typesetNode));
}

function showFormula(node, typesetNode) {
  node.dataset.tex = node.textContent; // what is copied of it
  node.replaceChildren(...typesetNode.cloneNode(true).childNodes);
}

// ---- text that grows ---------------------------------------------------------------------------

function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** Whether a node only grew, or changed inside; a formula is one piece. */
function continues(before, now) {
  if (before.nodeType !== now.nodeType) return false;
  if (before.nodeType === Node.TEXT_NODE) return true;
  return !before.matches(".glm-x") && before.cloneNode(false).isEqualNode(now.cloneNode(false));
}

/**
 * Let `node`, which shows `before` after its first `start` nodes, show `now` there. What is the same
 * in both is not touched: its formulas are not laid out again, and what the reader has selected
 * stays selected.
 */
function change(node, before, now, start = 0) {
  const [old, next] = [before.childNodes, now.childNodes];
  const isAsShown = node.childNodes.length === start + old.length;
  const shared = isAsShown ? Math.min(old.length, next.length) : 0;
  let at = 0;
  while (at < shared && old[at].isEqualNode(next[at])) at++;
  if (at < shared && continues(old[at], next[at])) {
    const child = node.childNodes[start + at];
    if (child.nodeType === Node.TEXT_NODE) child.data = next[at].data;
    else change(child, old[at], next[at]);
    at++;
  }
  while (node.childNodes.length > start + at) node.lastChild.remove();
  for (const child of [...next].slice(at)) node.append(document.importNode(child, true));
}

// ---- a view ------------------------------------------------------------------------------------

const SKELETON = `
<div class="glm-h"><span class="glm-facts"></span><span class="glm-buttons">
<button type="button" class="glm-now"><span></span></button>
<button type="button" class="glm-stop">${ICONS.stop}<span></span></button>
<button type="button" class="glm-copy">${ICONS.copy}<span></span></button></span></div>
<div class="glm-remarks"></div>
<div class="glm-gone" hidden><span></span><button type="button" class="glm-resume" title=""><code>${GO_ON}</code>${ICONS.copy}</button></div>
<div class="glm-b"><div class="glm-a"><div class="glm-steps"></div>
<button type="button" class="glm-reveal"><span></span></button><div class="glm-f glm-tail"></div>
<div class="glm-dots" aria-hidden="true"><i></i><i></i><i></i></div></div>
<details class="glm-r" open><summary></summary>
<div class="glm-t" tabindex="0"><div class="glm-f glm-tail"></div></div></details></div>
<div class="glm-doubts"></div><div class="glm-v" aria-live="polite"></div><div class="glm-bench" aria-hidden="true"></div>`;

const QUESTION = `<p></p><pre></pre><span class="glm-buttons">
<button type="button" class="glm-allow"><span></span></button><button type="button" class="glm-refuse"><span></span></button></span>`;

/** Whether the browser lays a node out; one that does not tell has to. */
function isInSight(node) {
  return node.checkVisibility?.({ contentVisibilityAuto: true }) ?? true;
}

/** Whether what a run holds is in sight: of the run itself the browser always lays out the box. */
function isSeen(run) {
  return !run.firstElementChild || isInSight(run.firstElementChild);
}

/** Whether a part of a node is on the screen; the browser lays out what is near to it as well. */
function isOnScreen(node) {
  const { top, bottom } = node.getBoundingClientRect();
  return top < innerHeight && bottom > 0;
}

/** Whether a node is in a toggle that is closed: to measure it, all in there would be laid out. */
function isFolded(node) {
  return !!node.closest("details:not([open])");
}

class View {
  constructor(doc, el) {
    this.doc = doc;
    this.model = doc.model;
    this.labels = this.model.get("labels") || {};
    this.following = true;
    this.atEnd = false; // of a reasoning that has ended
    this.pinnedAt = 0;
    this.height = this.width = 0;
    this.touchedAt = -BY_USER_MS;
    this.aside = new WeakMap(); // the nodes of runs that are out of sight, once the reply has ended
    this.root = document.createElement("div");
    this.root.className = "glm glm-live";
    this.root.setAttribute("role", "group");
    this.root.innerHTML = SKELETON;
    this.finished = {}; // how many nodes of the last run are finished
    this.openEnds = {}; // the nodes after them, as they were last shown
    el.append(this.root);
    this.find();
    this.listen();
    for (const name of PARTS) this.showPart(name, null);
    this.showState();
  }

  find() {
    const one = (selector) => this.root.querySelector(selector);
    this.facts = one(".glm-facts");
    this.remarks = one(".glm-remarks");
    this.gone = one(".glm-gone");
    this.stop = one(".glm-stop");
    this.copy = one(".glm-copy");
    this.now = one(".glm-now");
    this.reveal = one(".glm-reveal");
    this.steps = one(".glm-steps");
    this.body = one(".glm-b");
    this.details = one("details");
    this.summary = one("summary");
    this.scroller = one(".glm-t");
    this.live = one("[aria-live]");
    this.bench = one(".glm-bench");
    this.dots = one(".glm-dots");
    this.doubts = one(".glm-doubts");
    this.tails = { reasoning: one(".glm-t > .glm-tail"), answer: one(".glm-a > .glm-tail") };
  }

  listen() {
    const { stop, stop_title, copy, copy_title, answer_now, answer_now_title } = this.labels;
    this.label(this.stop, stop, stop_title);
    this.label(this.copy, copy, copy_title);
    this.label(this.now, answer_now, answer_now_title);
    this.stop.addEventListener("click", () => this.pressStop());
    this.now.addEventListener("click", () => this.pressNow());
    this.reveal.addEventListener("click", () => this.pressReveal());
    this.root.addEventListener("click", (event) => this.pressCode(event));
    this.root.addEventListener("click", (event) => askForPicture(event, [this.doc]));
    this.copy.addEventListener("click", () => this.pressCopy());
    const resume = this.gone.querySelector("button");
    resume.addEventListener("click", () => this.copyBy(resume, GO_ON));
    this.summary.addEventListener("click", () => this.pressToggle());
    this.details.addEventListener("toggle", () => (this.showToggle(), this.rewind()));
    this.scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    const touch = () => (this.touchedAt = performance.now());
    for (const kind of ["wheel", "touchmove", "keydown", "pointerdown", "pointermove"])
      this.scroller.addEventListener(kind, (event) => (kind !== "pointermove" || event.buttons) && touch(), { passive: true });
    this.root.addEventListener("contentvisibilityautostatechange", ({ skipped, target }) => {
      if (target.matches(".glm-sealed")) skipped ? whenIdle(() => this.lighten(target)) : this.bringBack(target);
    });
    this.resized = new ResizeObserver(() => (this.pin(), this.readHeight()));
    this.resized.observe(this.body);
    this.resized.observe(this.tails.reasoning);
    this.resized.observe(this.scroller);
  }

  label(button, text, title) {
    button.querySelector("span").textContent = text || "";
    if (title) button.title = title;
  }

  /** Show a part: `added` goes after what stands there; null shows the whole part again. */
  showPart(name, added) {
    this.keepHeight();
    if (added === null) this.restart(name);
    const part = this.doc[name];
    // What is finished now stood in the open end before, and stays where it is.
    const now = parsed(added ?? part.frozen);
    const count = now.childNodes.length;
    now.append(parsed(part.tail));
    change(this.tails[name], this.openEnds[name], now, this.finished[name]);
    typeset(this.tails[name], this);
    this.finished[name] += count;
    for (let index = 0; index < count; index++) now.firstChild.remove();
    this.openEnds[name] = now;
    this.closeRuns(name);
  }

  restart(name) {
    const tail = this.tails[name];
    for (const run of tail.parentNode.querySelectorAll(":scope > .glm-sealed")) run.remove();
    tail.replaceChildren();
    tail.classList.remove("glm-next");
    this.finished[name] = 0;
    this.openEnds[name] = parsed("");
  }

  /**
   * Close a long run of finished blocks and begin another. A closed one is neither laid out nor
   * painted while it is out of sight, so a long reply costs no more for each frame than a short one.
   */
  closeRuns(name) {
    const nodes = [...this.tails[name].childNodes];
    const isBlock = (node) => node.nodeType === Node.ELEMENT_NODE;
    let blocks = 0;
    const ends = nodes.slice(0, this.finished[name]).map((node) => isBlock(node) && ++blocks % RUN_BLOCKS === 0);
    const cuts = ends.flatMap((ends, index) => (ends ? [index + 1] : []));
    cuts.forEach((cut, index) => {
      const full = this.tails[name];
      const next = full.cloneNode();
      full.classList.replace("glm-tail", "glm-sealed");
      next.classList.add("glm-next");
      next.append(...nodes.slice(cut, cuts[index + 1]));
      full.after(next);
      this.tails[name] = next;
      this.finished[name] -= cut - (cuts[index - 1] ?? 0);
      if (name === "reasoning") this.resized.observe(next);
    });
  }

  /**
   * Let go of the boxes of a closed run that has gone out of sight, which the browser would keep for
   * as long as the run is on the page: they come back with the run. To a browser, a run in which
   * something is selected or has the focus is never out of sight.
   */
  lighten(run) {
    if (run.style.containIntrinsicSize || !run.isConnected || isFolded(run) || isSeen(run)) return;
    run.style.containIntrinsicSize = `auto ${run.offsetHeight}px`;
    run.before(run);
  }

  /**
   * Put aside what is out of sight, so that the host has less to do in the task in which it takes
   * the panel out. Where a panel stays nevertheless, each run comes back as it comes into sight.
   */
  putAside() {
    if (!isInSight(this.root)) return; // in a tab that nobody sees, no run would be told of its return
    const all = [...this.root.querySelectorAll(".glm-sealed")];
    // All are looked at before one is changed, or the page would be laid out again for each.
    for (const run of all.filter((run) => isFolded(run) || !isSeen(run))) {
      const nodes = document.createDocumentFragment();
      nodes.append(...run.childNodes);
      this.aside.set(run, nodes);
    }
  }

  bringBack(run) {
    if (!this.aside.has(run)) return;
    run.append(this.aside.get(run));
    this.aside.delete(run);
  }

  /** The runs of the answer: how many blocks each has, how high a closed one is, where it stands. */
  runs() {
    const all = this.tails.answer.parentNode.querySelectorAll(":scope > .glm-f");
    return Array.from(all, (node) => {
      const aside = this.aside.get(node);
      return {
        count: (aside ?? node).childElementCount,
        size: node === this.tails.answer ? "" : `auto ${node.offsetHeight}px`,
        isSeen: !aside && isSeen(node),
        isOnScreen: isOnScreen(node),
      };
    });
  }

  showState() {
    const state = this.doc.shown;
    if (!state.phase) return;
    this.keepHeight();
    const changed = this.root.dataset.s !== state.phase;
    this.root.dataset.s = state.phase;
    this.root.classList.toggle("glm-live", state.live);
    this.root.setAttribute("aria-label", state.label);
    this.put(this.facts, state.head);
    this.put(this.summary, state.summary);
    this.put(this.remarks, state.remarks);
    this.details.hidden = !state.reasoning;
    this.body.classList.toggle("glm-k", !!state.bar);
    this.details.classList.toggle("glm-few", !!state.few);
    this.stop.hidden = !state.live || !this.doc.canStop();
    this.now.hidden = !state.hurry;
    this.dots.hidden = !!state.question || !["waiting", "thinking", "calling"].includes(state.phase);
    this.showHeld();
    this.showSteps();
    this.showDoubt(state.doubt || "");
    this.showQuestion();
    if (state.stopping) this.showStopping();
    if (changed) this.changePhase(state);
    if (state.phase === "gone") this.showGone();
    else if (!state.live && !this.doc.gone) this.settle();
  }

  /** Say that the kernel is gone, and how to go on. */
  showGone() {
    const { gone, gone_hint, copy, no_answer_yet } = this.labels;
    this.facts.querySelector(".glm-s")?.replaceChildren(gone || "");
    this.gone.querySelector("span").textContent = gone_hint || "";
    this.gone.querySelector("button").title = copy || "";
    this.gone.hidden = false;
    if (!this.root.querySelector(".glm-a > .glm-f > *")) this.tails.answer.textContent = no_answer_yet || "";
  }

  /** Tell the outputs of the cell that the kernel can be asked; a new view is not among them yet. */
  settle() {
    const home = Home.of(this.root);
    if (home) home.take(this.doc);
    else setTimeout(() => Home.of(this.root)?.take(this.doc));
  }

  /** What the user holds back stays behind a button, in every view until it is pressed in one. */
  showHeld() {
    const held = !!this.doc.state.held && !this.doc.revealed;
    const text = this.doc.answer.source.trim();
    this.root.classList.toggle("glm-held", held);
    this.reveal.hidden = !held || !text;
    this.label(this.reveal, held ? this.labels.show_answer : "");
    this.copy.disabled = held || !text; // and not hidden, or Stop would move under the hand
  }

  /** Show the tool calls; those that the user opened or closed stay so. */
  showSteps() {
    if (this.steps.shownHtml === this.doc.steps) return;
    const open = Array.from(this.steps.querySelectorAll("details"), (node) => node.open);
    const shown = Array.from(this.steps.querySelectorAll("details"), (node) => node.className);
    this.put(this.steps, this.doc.steps);
    this.steps.querySelectorAll("details").forEach((node, index) => {
      if (index < open.length && node.className === shown[index]) node.open = open[index];
    });
    typeset(this.steps, this);
  }

  /** Show how sure the model was; once opened it stays open, in the saved page too. */
  showDoubt(html) {
    if (this.doubts.shownHtml === html) return;
    this.put(this.doubts, html);
    const details = this.doubts.querySelector("details");
    if (!details) return;
    details.open = !!this.doc.doubting;
    details.addEventListener("toggle", () => {
      if (details.open === !!this.doc.doubting) return;
      this.doc.doubting = details.open;
      this.model.send({ type: "doubt", open: details.open });
    });
  }

  /** Ask whether a function may be called; whoever uses a screen reader hears it. */
  showQuestion() {
    const { question } = this.doc.shown;
    if (this.asked === question?.number) return;
    this.asked = question?.number;
    this.ask?.remove();
    if (!question) return;
    this.ask = document.createElement("div");
    this.ask.className = "glm-ask";
    this.ask.setAttribute("role", "group");
    this.ask.innerHTML = QUESTION;
    const [title, call] = this.ask.children;
    this.live.textContent = title.textContent = this.labels.asks;
    call.textContent = question.call;
    ["allow", "refuse"].forEach((answer) => {
      const button = this.ask.querySelector(`.glm-${answer}`);
      this.label(button, this.labels[answer]);
      button.addEventListener("click", () => this.pressAnswer(question, answer === "allow"));
    });
    this.steps.after(this.ask);
  }

  pressAnswer(question, allowed) {
    if (this.ask.contains(document.activeElement)) this.giveFocusBack();
    for (const button of this.ask.querySelectorAll("button")) button.disabled = true;
    ask(this.model, { type: "allow", question: question.number, allowed });
  }

  /** Change a node only when its HTML did: a tooltip or a selection in it stays. */
  put(node, html) {
    if (node.shownHtml === html) return;
    node.shownHtml = html;
    node.innerHTML = html;
  }

  changePhase(state) {
    this.live.textContent = state.says;
    const reading = state.live && !this.following;
    if (reading && !state.open && this.doc.touched === null) this.keepOpen();
    if (this.doc.touched !== null) this.details.open = this.doc.touched;
    else if (!reading) this.details.open = state.open;
    if (!state.live && this.following) {
      this.following = false;
      this.atEnd = true;
      requestAnimationFrame(() => this.rewind()); // the page is laid out then anyway
    }
    this.showToggle();
  }

  /** Show a reasoning that was followed to its end from its beginning, once it is open. */
  rewind() {
    if (!this.atEnd || isFolded(this.scroller)) return;
    this.atEnd = false;
    this.scroller.scrollTop = 0;
  }

  showToggle() {
    this.summary.setAttribute("aria-expanded", String(this.details.open));
  }

  /** Who scrolled up is reading: the saved page stays open as well. */
  keepOpen() {
    this.doc.touched = true;
    this.model.send({ type: "toggle", open: true });
  }

  // The user's own choice wins for good, in every view and in the saved page.
  pressToggle() {
    const open = !this.details.open;
    this.doc.touched = open;
    this.model.send({ type: "toggle", open });
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.scroller.classList.toggle("glm-up", scrollTop > 4);
    if (Math.abs(scrollTop - this.pinnedAt) < 2) return;
    // The browser scrolls by itself as well, when what is out of sight changes its size.
    const byUser = performance.now() - this.touchedAt < BY_USER_MS;
    const atEnd = scrollHeight - scrollTop - clientHeight < AT_THE_END_PX;
    this.following = atEnd || (this.following && !byUser);
    if (this.following) this.pin();
  }

  pin() {
    if (!this.following || !this.doc.shown.live || isFolded(this.scroller)) return;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.pinnedAt = this.scroller.scrollTop;
  }

  /**
   * While it streams it is never lower than it was, or what is read below it would jump. The height
   * is read when the page has been laid out, and set with the next change: so nothing is laid out
   * for it alone.
   */
  readHeight() {
    if (!this.doc.state.live) return;
    const { style, offsetWidth, offsetHeight } = this.body;
    const isRewrapped = this.width && offsetWidth !== this.width;
    if (isRewrapped) style.minHeight = "";
    this.height = isRewrapped ? 0 : Math.max(this.height, offsetHeight);
    this.width = offsetWidth;
  }

  keepHeight() {
    if (this.height) this.body.style.minHeight = `${this.height}px`;
  }

  /** Let the keyboard go on at the cell, where what has the focus is about to go. */
  giveFocusBack() {
    if (this.root.contains(document.activeElement))
      this.root.closest(".jp-Cell")?.focus({ preventScroll: true });
  }

  showStopping() {
    if (document.activeElement === this.stop) this.giveFocusBack();
    this.stop.disabled = true;
    this.label(this.stop, this.labels.stopping);
  }

  pressStop() {
    this.showStopping();
    this.doc.stop();
  }

  pressNow() {
    this.now.hidden = true;
    ask(this.model, { type: "answer_now" });
  }

  pressReveal() {
    this.doc.revealed = true;
    this.model.send({ type: "reveal" });
    this.doc.tell((view) => view.showHeld());
  }

  /** Copy the block of code whose button was pressed. */
  async pressCode(event) {
    const button = event.target.closest?.(".glm-c");
    const code = button?.closest("pre")?.querySelector("code");
    if (code) await this.copyBy(button, code.textContent);
  }

  async copyBy(button, text) {
    const done = await copyText(text);
    button.dataset.done = done ? "✓" : "✗";
    this.live.textContent = done ? this.labels.copied : this.labels.copy_failed;
    setTimeout(() => delete button.dataset.done, COPIED_MS);
  }

  async pressCopy() {
    const done = await copyText(this.doc.answer.source);
    this.label(this.copy, done ? this.labels.copied : this.labels.copy_failed);
    this.live.textContent = done ? this.labels.copied : this.labels.copy_failed;
    setTimeout(() => this.label(this.copy, this.labels.copy), COPIED_MS);
  }

  close() {
    this.resized.disconnect();
    this.doc.views.delete(this);
    this.giveFocusBack();
  }
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** Copy where the clipboard is closed to scripts: an older way that needs a selection. */
function copyBySelection(text) {
  const area = document.createElement("textarea");
  const focused = document.activeElement;
  area.value = text;
  area.style.cssText = "position:fixed;opacity:0";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus?.();
  return done;
}

// ---- what anywidget calls ----------------------------------------------------------------------

/**
 * Add the style of panels, once for a page. anywidget would put it in again for every panel, upon
 * which the browser works out anew how each element of the notebook looks.
 */
function addStyle() {
  const there = document.getElementById(STYLE_ID);
  if (there?.textContent === STYLE) return;
  const style = there ?? document.head.appendChild(document.createElement("style"));
  style.id = STYLE_ID;
  style.textContent = STYLE; // the `panel_style` of Python, which comes with this module
}

export default {
  initialize({ model }) {
    addStyle();
    const doc = documentOf(model);
    const ready = { type: "ready", page: pageOf(model) };
    ask(model, ready);
    // The page opens a way past the running cell with its first message, which itself still waits.
    for (const delay of READY_AGAIN_MS)
      setTimeout(() => doc.state.live && !doc.state.heard && ask(model, ready), delay);
    return () => {
      doc.leave();
      DOCUMENTS.delete(model.get("key"));
    };
  },
  render({ model, el }) {
    const doc = documentOf(model);
    const view = new View(doc, el);
    doc.views.add(view);
    return () => {
      view.close();
      el.replaceChildren(); // or the page would keep every panel that it ever showed
    };
  },
};
