// What a panel shows, apart from how: the texts and the state that the kernel sent, and the way back.
// Loaded after notebook.js, and in front of handover.js and panel.js, as one module.
//
// A document belongs to the model and outlives its views: a page may show a panel twice, or scroll
// it out of sight and back. Sizes come from Python and count code points, never String.length.

const PARTS = ["reasoning", "answer"];
const STOP_BY_MESSAGE_MS = 400;
const KERNEL_GONE = new Set(["restarting", "autorestarting", "terminating", "dead"]);
const GONE = { phase: "gone", live: false, hurry: false, stopping: false, question: null };

// ---- the way to the kernel ----------------------------------------------------------------------

/** The kernel's connection: of JupyterLab, Notebook 7 and Voila, or of the classic notebook. */
function kernelOf(model) {
  const manager = model.widget_manager;
  return manager?.kernel ?? manager?.notebook?.kernel;
}

/**
 * Send what must not wait for the end of the running cell. On some pages and kernels the model's
 * own messages do; those on the control channel never do, where a page lets them be sent.
 */
function ask(model, content) {
  model.send(content);
  const kernel = kernelOf(model);
  const data = { method: "custom", content };
  kernel?.sendControlMessage?.({
    channel: "control",
    header: {
      msg_id: `${Date.now()}-${Math.random()}`,
      msg_type: "comm_msg",
      session: kernel.clientId,
      username: kernel.username,
      date: new Date().toISOString(),
      version: "5.3",
    },
    parent_header: {},
    metadata: {},
    content: { comm_id: model.get("key"), data },
    buffers: [],
  });
}

// ---- the document: what the kernel has sent so far ----------------------------------------------

/** The first `count` code points of a text. */
function head(text, count) {
  const start = text.slice(0, 2 * count); // where they end, whatever they are
  return /[\ud800-\udfff]/.test(start) ? Array.from(start).slice(0, count).join("") : start.slice(0, count);
}

class Document {
  constructor(model) {
    this.model = model;
    this.state = {};
    this.steps = "";
    this.revealed = false;
    this.refused = false; // whether the host did not let Stop interrupt the kernel
    this.runs = []; // the blocks of the answer when it ended: how many, and how high
    this.height = 0; // of a view when it ended
    this.bench = null; // of that view, weakly, or the page would keep its panel
    this.touched = null; // whether the user opened or closed the reasoning, and which
    this.views = new Set();
    this.homes = new Set();
    for (const name of PARTS) this[name] = { epoch: -1, frozen: "", size: 0, tail: "", tail_size: 0, source: "" };
    this.gone = this.ended = false;
    this.saved = new SavedOutputs(model, () => this.shown.live);
    this.onSnapshot = () => this.takeSnapshot();
    this.onMessage = (message) => this.takeMessage(message);
    model.on("change:snapshot", this.onSnapshot);
    model.on("msg:custom", this.onMessage);
    this.takeSnapshot();
    this.watchKernel();
  }

  /** Learn that the kernel is gone from the comm, and from the page, which knows it sooner. */
  watchKernel() {
    const { widget_manager: manager } = this.model;
    this.model.on("comm_live_update", () => this.ended || this.leave());
    this.session = manager?.context?.sessionContext;
    this.session?.statusChanged?.connect(this.onStatus, this);
    this.session?.kernelChanged?.connect(this.onKernel, this);
    this.lookAtComm();
  }

  /** Restored from a file, a model never had a comm. */
  async lookAtComm() {
    const model = await modelOf(this.model.widget_manager, this.model.get("key"));
    if (model?.comm_live === false && !this.ended) this.leave();
  }

  onStatus(_session, status) {
    if (KERNEL_GONE.has(status)) this.leave();
  }

  onKernel(_session, { oldValue, newValue }) {
    if (oldValue && oldValue.id !== newValue?.id) this.leave();
  }

  /** What is shown: when the kernel is gone, a reply does not go on. */
  get shown() {
    const { state } = this;
    return this.gone && state.live ? { ...state, ...GONE, says: this.model.get("labels").gone } : state;
  }

  takeSnapshot() {
    const snapshot = this.model.get("snapshot");
    if (!snapshot || !snapshot.state) return;
    for (const name of PARTS) this.takePart(name, snapshot[name]);
    this.steps = snapshot.steps || "";
    this.setState(snapshot.state);
  }

  /** Take over a whole part; what is on screen already is only added to. */
  takePart(name, part) {
    const mine = this[name];
    const older = part.epoch < mine.epoch || (part.epoch === mine.epoch && part.size < mine.size);
    if (older) return;
    const goesOn = part.epoch === mine.epoch && part.frozen.startsWith(mine.frozen);
    const added = goesOn ? part.frozen.slice(mine.frozen.length) : null;
    const changed = added === null || added !== "" || part.tail !== mine.tail;
    Object.assign(mine, part);
    if (changed) this.tell((view) => view.showPart(name, added));
  }

  takeMessage(message) {
    for (const name of PARTS) {
      const delta = message[name];
      if (!delta) continue;
      const mine = this[name];
      const fits = delta.epoch === mine.epoch && delta.at === mine.size && delta.was === mine.tail_size;
      if (!fits) {
        this.model.send({ type: "sync" });
        continue;
      }
      const html = head(mine.tail, delta.keep) + delta.html;
      const added = head(html, delta.size - delta.at);
      mine.frozen += added;
      mine.size = delta.size;
      mine.tail = html.slice(added.length);
      mine.tail_size = delta.tail_size;
      mine.source += delta.more || "";
      this.tell((view) => view.showPart(name, added));
    }
    if (message.steps !== undefined) {
      this.steps = message.steps;
      this.tell((view) => view.showSteps());
    }
    if (message.state) this.setState({ ...this.state, ...message.state });
    if (message.thought) for (const home of this.homes) home.showThought(this, message.thought);
    if (message.draft) this.saved.keep(message.draft);
    if (message.page) this.end(message.page);
    if (message.published) this.saved.lookSoon();
    if (message.picture) look(message.picture);
  }

  /** The page that stays is made; it comes next. */
  end(page) {
    this.ended = true;
    for (const view of this.views) {
      this.runs = view.runs();
      this.height = view.root.clientHeight;
      this.bench = new WeakRef(view.bench);
      view.putAside();
    }
    this.saved.end(page);
    this.leaveState();
  }

  /** Give the saved page what its panel had; return whether its formulas came with it. */
  handOver(page) {
    dropStyle(page);
    handOverRuns(page, this.runs);
    const isLong = this.height && page.querySelector(".glm-near, .glm-unseen");
    const showNear = isLong ? layOutLater(page, this.height) : null;
    this.height = 0; // a page that comes again later may have another
    const typesetter = typesetterOf(this.model);
    const bench = this.bench?.deref() ?? element("div", "", "glm-bench");
    // Without a typesetter the page draws its formulas by itself.
    const showRest = typesetter ? handOverFormulas(page, typesetter, bench) : null;
    laidOut().then(() => (showRest?.(), showNear?.()));
    return !!typesetter;
  }

  setState(state) {
    this.state = state;
    this.tell((view) => view.showState());
  }

  tell(what) {
    for (const view of this.views) what(view);
  }

  /** Whether Stop can have an effect, as far as the page can know. */
  canStop() {
    if (this.refused) return false;
    const kernel = kernelOf(this.model);
    return this.state.heard || this.state.background || !!(kernel?.sendControlMessage || kernel?.interrupt);
  }

  /** Ask by message; where the kernel does not read it while the cell runs, interrupt instead. */
  stop() {
    ask(this.model, { type: "stop" });
    setTimeout(async () => {
      const { live, stopping, background } = this.shown;
      if (!live || stopping || background) return;
      try {
        await kernelOf(this.model).interrupt();
      } catch {
        this.refused = true; // a host may forbid it, and then there is no Stop
        this.tell((view) => view.showState());
      }
    }, STOP_BY_MESSAGE_MS);
  }

  /** The way to the kernel is gone, for good. */
  leave() {
    this.session?.statusChanged?.disconnect(this.onStatus, this);
    this.session?.kernelChanged?.disconnect(this.onKernel, this);
    this.saved.leave();
    for (const home of this.homes) home.leave(this);
    if (this.gone) return;
    this.gone = true;
    this.tell((view) => view.showState());
    this.leaveState();
  }

  /** The file needs no widget of this reply any more. */
  leaveState() {
    const { widget_manager: manager } = this.model;
    if (manager?.context) leaveOutOfState(manager, this.model.get("place"));
  }
}

/** Show a whole picture over the page, until a click or Escape. */
function look({ address, name }) {
  if (!/^data:image\/(png|jpeg);base64,/.test(address)) return;
  const dialog = document.createElement("dialog");
  const image = document.createElement("img");
  image.src = address;
  image.alt = name;
  dialog.className = "glm-look";
  dialog.setAttribute("aria-label", name);
  dialog.append(image);
  dialog.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// Each hook gets a wrapper of its own around the one model, so a key of ours tells the model.
const DOCUMENTS = new Map();

function documentOf(model) {
  const key = model.get("key");
  if (!DOCUMENTS.has(key)) DOCUMENTS.set(key, new Document(model));
  return DOCUMENTS.get(key);
}
