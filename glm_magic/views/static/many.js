// The panel of a call over many rows: figures that the kernel sends as HTML, and Stop.
// Loaded after document.js, whose way to the kernel it uses, as one module.

class Call {
  constructor(model, el) {
    this.model = model;
    this.page = document.createElement("div");
    this.button = document.createElement("button");
    this.button.className = "glm-mstop";
    this.button.type = "button";
    this.button.addEventListener("click", () => this.stop());
    el.replaceChildren(this.button, this.page);
    this.onHtml = () => this.show();
    this.onStopping = () => this.label();
    model.on("change:html", this.onHtml);
    model.on("change:stopping", this.onStopping);
    this.label();
    this.show();
  }

  /** Show the newest figures; what the reader has opened stays open. */
  show() {
    const opened = !!this.page.querySelector("details[open]");
    this.page.innerHTML = this.model.get("html"); // escaped where it was made
    for (const details of this.page.querySelectorAll("details")) details.open = opened;
  }

  label() {
    const { stop, stop_title, stopping } = this.model.get("labels");
    const pressed = this.pressed || this.model.get("stopping");
    this.button.textContent = pressed ? stopping : stop;
    this.button.title = stop_title;
    this.button.disabled = !!pressed;
  }

  /** Ask by message; where the kernel does not read it while the cell runs, interrupt instead. */
  stop() {
    this.pressed = true;
    this.label();
    ask(this.model, { type: "stop" });
    setTimeout(() => {
      if (!this.closed && !this.model.get("stopping")) kernelOf(this.model)?.interrupt?.();
    }, STOP_BY_MESSAGE_MS);
  }

  close() {
    this.closed = true;
    this.model.off("change:html", this.onHtml);
    this.model.off("change:stopping", this.onStopping);
  }
}

export default {
  initialize({ model }) {
    ask(model, { type: "ready" });
  },
  render({ model, el }) {
    const call = new Call(model, el);
    return () => call.close();
  },
};
