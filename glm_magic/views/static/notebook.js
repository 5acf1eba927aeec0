// The notebook that a panel stands in: what its file holds, and the arrows in the saved pages.
// Loaded in front of document.js, handover.js and panel.js, as one module.
//
// The file holds the text so far while a reply streams, and the saved page at its end.
// The kernel's update of an output reaches the output area that started the run, and no other: not
// a cell that was moved, pasted or brought back, nor a page that was loaded meanwhile. So the page
// looks after every output of its panel itself, wherever that is.
//
// JupyterLab and Notebook 7 keep outputs twice: those that are shown, and those of the shared model,
// which are saved and which other people see. The text so far only goes into the latter. It leaves
// the panel on the page as it is, and makes a file that needs no widget to be read.

const VIEW = "application/vnd.jupyter.widget-view+json";
const SHEET = "<style>.glm-all{}";
const TOGETHER_MS = [500, 3000];
const REFOCUS_MS = 2000;

// ---- the file ----------------------------------------------------------------------------------

class SavedOutputs {
  /** `mounts` tells whether the panel still lives. */
  constructor(model, mounts) {
    this.model = model;
    this.manager = model.widget_manager;
    this.mounts = mounts;
    this.draft = this.page = null;
    const { context } = this.manager ?? {};
    this.notebook = context?.model;
    // A page that is loaded again, without having been saved, lacks the output that it showed.
    const first = model.get("page");
    this.lacks = first && first !== pageOf(model) && !model.get("kept") && !this.notebook?.collaborative;
    context?.saveState?.connect(this.onSave, this);
    this.notebook?.cells?.changed?.connect(this.lookSoon, this);
  }

  /** The id of the model whose view stands in the output: the panel's own, or that of a row. */
  get place() {
    return this.model.get("place");
  }

  /** From the first save on, the file knows better than the kernel which outputs are there. */
  onSave(context, state) {
    if (state !== "completed") return;
    context.saveState.disconnect(this.onSave, this);
    if (!this.model.get("kept")) this.model.send({ type: "kept" });
  }

  /** The kernel is gone. */
  leave() {
    this.manager?.context?.saveState?.disconnect(this.onSave, this);
  }

  /** Take the text so far. */
  keep(draft) {
    this.draft = draft;
    this.look();
  }

  /** Take the page that stays; the kernel's own update of the output comes next. */
  end(page) {
    this.page = page;
    this.replaceInside();
  }

  /** Look when the change that is being made is complete, and only once for many of them. */
  lookSoon() {
    // Of several people's pages, the first puts it right, and the others see that it is.
    const [least, most] = this.notebook?.collaborative ? TOGETHER_MS : [0, 0];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), least + Math.random() * (most - least));
  }

  look() {
    if (this.lacks && (this.page ?? this.draft)) this.bringBack();
    for (const output of this.outputs()) {
      if (this.page) this.replace(output);
      else if (this.draft) this.write(output);
    }
    if (this.page?.sheet) this.restoreSheet();
  }

  /** Put the output into its cell again, unless the cell shows something else. */
  bringBack() {
    this.lacks = false;
    if (!this.outputs().next().done) return;
    const cell = [...cellsOf(this.notebook)].find((one) => one.id === this.model.get("cell"));
    const area = cell?.outputs;
    const others = area?.toJSON().filter((shown) => !shown.metadata?.glm_magic?.panel);
    const { data, metadata } = this.page ?? this.draft;
    if (others?.length === 0 && data["text/html"]) area.add({ output_type: "display_data", data, metadata });
  }

  /** The outputs that show this panel, or were copied from it. */
  *outputs() {
    for (const output of outputsOf(this.notebook)) if (this.owns(output.shown)) yield output;
  }

  owns({ data, metadata }) {
    return data?.[VIEW]?.model_id === this.place || metadata?.glm_magic?.panel === this.place;
  }

  replace({ area, index, shown }) {
    const { data, metadata } = this.page;
    const [now, html] = [shown.data["text/html"] ?? "", data["text/html"] ?? ""];
    const isThere = html ? now.endsWith(html) : !now; // after a style sheet, where it carries one
    if (!isThere || shown.data[VIEW]) area.set(index, { output_type: "display_data", data, metadata });
  }

  /** Save the text so far; where it stands in place of the panel, show the panel again. */
  write({ cell, area, index, shown }) {
    const { data, metadata } = this.draft;
    if (!shown.data[VIEW] && this.mounts()) this.mount(cell, area, index);
    const { data: there, metadata: facts } = area.get(index).toJSON();
    Object.assign(there, data);
    Object.assign(facts, metadata);
    const shared = cell.sharedModel;
    const saved = shared?.ymodel?.get("outputs")?.get(index);
    if (!saved) return;
    const put = saved.set
      ? () => (saved.set("data", data), saved.set("metadata", metadata))
      : () => Object.assign(saved, { data, metadata }); // before JupyterLab 4.2
    shared.transact(put, false, "silent-change");
    this.notebook.dirty = true;
  }

  /** Show the panel on this page alone: other people's pages have their own. */
  mount(cell, area, index) {
    const view = { version_major: 2, version_minor: 0, model_id: this.place };
    const { data, metadata } = this.draft;
    const shares = cell.onOutputsChange;
    const shared = shares && area.changed.disconnect(shares, cell);
    area.set(index, { output_type: "display_data", data: { ...data, [VIEW]: view }, metadata });
    if (shared) area.changed.connect(shares, cell);
  }

  /** One page carries the style sheet for all; when that is removed, the first of the others does. */
  restoreSheet() {
    let first = null;
    for (const output of outputsOf(this.notebook)) {
      if (output.cell.executionState === "running") return; // its page may be about to bring it
      const { data, metadata } = output.shown;
      const html = metadata?.glm_magic?.panel && !data?.[VIEW] && data?.["text/html"];
      if (!html) continue;
      if (html.includes(SHEET)) return void output.area.changed.connect(this.lookSoon, this);
      if (!html.includes("<style>")) first ??= output;
    }
    if (!first) return;
    const { area, index, shown } = first;
    const data = { ...shown.data, "text/html": this.page.sheet + shown.data["text/html"] };
    area.set(index, { ...shown, data });
    area.changed.connect(this.lookSoon, this);
  }

  /** An Output widget takes no updates at all; what it shows is its own value. */
  async replaceInside() {
    const inside = this.model.get("inside");
    const model = inside && (await modelOf(this.manager, inside));
    if (!model) return;
    const page = { output_type: "display_data", data: this.page.data, metadata: this.page.metadata };
    const outputs = model.get("outputs").map((shown) => (this.owns(shown) ? page : shown));
    model.set("outputs", outputs);
    model.save_changes();
  }
}

const PAGE = Symbol.for("glm_magic.page");

/** A name for a notebook's page, from when it is loaded until it is closed. */
function pageOf(model) {
  return model.widget_manager && (model.widget_manager[PAGE] ??= Math.random().toString(36).slice(2));
}

function* cellsOf(notebook) {
  if (!notebook?.cells || notebook.isDisposed) return;
  for (let number = 0; number < notebook.cells.length; number++) yield notebook.cells.get(number);
}

/** Every output of a notebook, as it is shown. */
function* outputsOf(notebook) {
  for (const cell of cellsOf(notebook)) {
    const area = cell.outputs;
    for (let index = 0; index < (area?.length ?? 0); index++)
      yield { cell, area, index, shown: area.get(index).toJSON() };
  }
}

/** The host's own model behind an id; null where there is none. */
async function modelOf(manager, id) {
  try {
    return await manager.get_model(id);
  } catch {
    return null;
  }
}

/**
 * Leave a model, and what belongs to it, out of the file's widget state: a manager saves what the
 * kernel still hears. It goes on receiving and sending.
 */
async function leaveOutOfState(manager, place) {
  const models = [await modelOf(manager, place)];
  for (const model of models) {
    if (!model?.comm_live) continue;
    model.comm_live = false;
    models.push(model.get("layout"), model.get("style"), ...(model.get("children") ?? []));
  }
}

// ---- the runs of a cell: arrows in the saved page, as long as the kernel can be asked ----------

/** Ask for the whole of the small picture that was clicked; the kernel has it. */
function askForPicture(event, docs) {
  const { picture } = event.target.closest?.(".glm-pic")?.dataset ?? {};
  const number = Math.random();
  if (picture) for (const doc of docs) ask(doc.model, { type: "picture", hash: picture, number });
}

const HOME = Symbol.for("glm_magic.home");

/** The outputs of one cell, and the models whose panels stood there; each knows its own runs. */
class Home {
  static of(node) {
    const area = node.closest(".jp-OutputArea");
    return area && (area[HOME] ??= new Home(area));
  }

  constructor(area) {
    this.area = area;
    this.docs = new Set();
    area.addEventListener("click", (event) => this.press(event.target.closest?.(".glm-go")));
    area.addEventListener("click", (event) => event.target.closest?.(".glm-live") || askForPicture(event, this.docs));
    area.addEventListener("click", (event) => this.pressPencil(event.target.closest?.(".glm-pencil")));
  }

  take(doc) {
    this.docs.add(doc);
    doc.homes.add(this);
    this.area.classList.add("glm-here");
  }

  leave(doc) {
    this.docs.delete(doc);
    this.area.classList.toggle("glm-here", this.docs.size > 0);
  }

  press(button) {
    if (!button || button.disabled) return;
    const { run, at, sign } = button.dataset;
    for (const doc of this.docs) doc.model.send({ type: "choose", run: Number(run), at });
    this.refocus(this.pages().indexOf(button.closest(".glm")), sign);
  }

  /** Ask for the sentences of a thought; pressed once more, it closes their list. */
  pressPencil(button) {
    if (!button) return;
    const list = button.parentNode.querySelector(".glm-sentences");
    if (list) return list.remove();
    for (const doc of this.docs) doc.model.send({ type: "thought", at: button.dataset.at });
  }

  /** Show the sentences of a thought above it, or why it cannot be changed. */
  showThought(doc, { at, sentences, refused }) {
    for (const button of this.area.querySelectorAll(".glm-pencil")) {
      if (button.dataset.at !== at) continue;
      const list = button.parentNode.querySelector(".glm-sentences");
      for (const old of button.parentNode.querySelectorAll(".glm-refused")) old.remove();
      if (refused) (list ?? button).after(element("p", refused, "glm-e glm-refused"));
      if (refused) for (const control of list?.querySelectorAll(":disabled") ?? []) control.disabled = false;
      if (sentences && !list) button.after(new ThoughtEditor(doc, at, sentences).list);
    }
  }

  pages() {
    return [...this.area.querySelectorAll(".glm")];
  }

  /** The page is replaced by another one: the keyboard stays where it was. */
  refocus(place, sign) {
    const seen = new MutationObserver(() => {
      const arrows = [...(this.pages()[place]?.querySelectorAll(".glm-go:not([disabled])") || [])];
      const next = arrows.find((arrow) => arrow.dataset.sign === sign) || arrows[0];
      if (document.activeElement === document.body) next?.focus({ preventScroll: true });
    });
    seen.observe(this.area, { childList: true, subtree: true });
    setTimeout(() => seen.disconnect(), REFOCUS_MS);
  }
}

function element(tag, text, className = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className });
}

/** The sentences of a thought, one of which can be changed at a time. */
class ThoughtEditor {
  constructor(doc, at, sentences) {
    Object.assign(this, { doc, at, sentences, labels: doc.model.get("labels") });
    this.list = element("ol", "", "glm-sentences");
    this.list.append(...sentences.map((text, index) => this.row(text, index)));
  }

  row(text, index) {
    const row = document.createElement("li");
    const pen = Object.assign(element("button", "✎", "glm-pen"), { type: "button", title: this.labels.sentence_title });
    pen.setAttribute("aria-label", `${index + 1}: ${pen.title}`);
    pen.addEventListener("click", () => this.open(row, text, index));
    row.append(element("span", text), pen);
    return row;
  }

  open(row, text, index) {
    this.close();
    const area = Object.assign(document.createElement("textarea"), { value: text, rows: 2 });
    area.setAttribute("aria-label", this.labels.sentence_title);
    const go = Object.assign(element("button", this.labels.think_on, "glm-think-on"), { type: "button" });
    const cancel = Object.assign(element("button", this.labels.cancel, "glm-cancel"), { type: "button" });
    const send = () => this.send(index, area.value, [area, go, cancel]);
    go.addEventListener("click", send);
    cancel.addEventListener("click", () => this.close());
    area.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the notebook's own keys
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
      if (event.key === "Escape") this.close();
    });
    const buttons = element("div", "", "glm-row");
    buttons.append(go, cancel);
    row.replaceChildren(area, buttons);
    row.classList.add("glm-editing");
    for (let after = row.nextElementSibling; after; after = after.nextElementSibling) after.classList.add("glm-gone-by");
    this.opened = { row, text, index };
    area.focus({ preventScroll: true });
  }

  close() {
    if (!this.opened) return;
    const { row, text, index } = this.opened;
    this.opened = null;
    for (const one of this.list.children) one.classList.remove("glm-gone-by");
    row.replaceWith(this.row(text, index));
    this.list.children[index].querySelector("button").focus({ preventScroll: true });
  }

  send(index, text, controls) {
    for (const control of controls) control.disabled = true;
    this.doc.model.send({ type: "rethink", at: this.at, sentence: index + 1, text });
  }
}
