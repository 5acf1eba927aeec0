// What a saved reply does where scripts run. It makes its own controls, so a page where they do not
// run shows none. The player hides what had not arrived yet and shows it again in the recorded
// rhythm.
window.glmPage = window.glmPage || (function () {
  const MATCH = "mark.jp-current-match, mark.CodeMirror-selectedtext";
  const SPEEDS = [1, 2, 4, 8, 0.5];

  // Text nodes and elements of a part, each with the place where its text begins.
  function textOf(part) {
    const texts = [], elements = [];
    let size = 0;
    const walk = (node) => {
      for (const child of [...node.childNodes]) {
        if (child.nodeType === 3) {
          texts.push({ node: child, at: size, whole: child.data });
          size += child.data.length;
        } else if (child.nodeType === 1 && !child.matches("script,style,.glm-ol,.glm-se,.glm-tool,.glm-o > summary,button")) {
          if (!child.matches(".glm-o")) elements.push({ node: child, at: size });
          // A typeset formula appears whole.
          if (child.matches(".glm-x") && child.children.length) size += child.dataset.tex?.length || 1;
          else walk(child);
        }
      }
    };
    if (part) walk(part);
    return { texts, elements, size };
  }

  function show(part, share) {
    const cut = share >= 1 ? Infinity : Math.floor(part.size * share);
    for (const { node, at, whole } of part.texts) {
      const data = at >= cut ? "" : whole.slice(0, cut - at);
      if (node.data !== data) node.data = data;
    }
    for (const { node, at } of part.elements) node.classList.toggle("glm-hid", at >= cut);
  }

  function beatsOf(text) {
    let at = 0, reasoning = 0, answer = 0;
    return text.split(" ").map((beat) => {
      const [ms, r, a] = beat.split(",").map((value) => +value || 0);
      return [(at += ms), (reasoning += r || 0), (answer += a || 0)];
    });
  }

  function control(tag, parent, attributes) {
    const node = Object.assign(document.createElement(tag), attributes);
    parent.append(node);
    return node;
  }

  function player(root, words) {
    const beats = beatsOf(root.dataset.beats);
    const [end, reasoning, answer] = beats[beats.length - 1];
    const details = root.querySelector(".glm-r");
    const opens = details && !details.matches(".glm-hr"); // what is held back stays so
    let thoughts, answerText; // read when the player is first moved
    let now = end, speed = 0, running = 0, before = 0;

    const bar = control("div", root.querySelector(".glm-y > div"), { className: "glm-pl" });
    const button = control("button", bar, { type: "button", textContent: "▶", title: words.play });
    const range = control("input", bar, { type: "range", min: 0, max: end, step: end / 100, value: end });
    const clock = control("span", bar, {});
    const rate = control("button", bar, { type: "button", title: words.playback_speed });
    range.setAttribute("aria-label", words.playback_position);
    range.onkeydown = (event) => event.stopPropagation(); // a notebook takes the arrows for its cells
    button.setAttribute("aria-label", words.play);

    function paintTexts() {
      if (!thoughts && now >= end) return;
      thoughts = thoughts || textOf(root.querySelector(".glm-t"));
      answerText = answerText || textOf(root.querySelector(".glm-a"));
      let at = 0;
      while (at + 1 < beats.length && beats[at + 1][0] <= now) at++;
      const beat = now < beats[0][0] ? [0, 0, 0] : beats[at];
      show(thoughts, reasoning ? beat[1] / reasoning : 1);
      show(answerText, answer ? beat[2] / answer : 1);
    }

    function paint() {
      paintTexts();
      range.value = now;
      clock.textContent = (now / 1000).toFixed(1) + " / " + (end / 1000).toFixed(1) + " s";
      rate.textContent = SPEEDS[speed] + "×";
      button.textContent = running ? "❚❚" : "▶";
      button.title = running ? words.pause : words.play;
      button.setAttribute("aria-label", button.title);
    }

    function frame(time) {
      if (!running) return;
      if (!root.isConnected) return void (running = 0);
      now = Math.min(end, now + (before ? time - before : 0) * SPEEDS[speed]);
      before = time;
      const box = root.querySelector(".glm-t");
      if (now >= end) running = 0;
      paint();
      if (box && running) box.scrollTop = box.scrollHeight;
      if (running) requestAnimationFrame(frame);
    }

    button.onclick = () => {
      running = running ? 0 : 1;
      before = 0;
      if (running && now >= end) now = 0;
      if (running && opens) details.open = true;
      paint();
      if (running) requestAnimationFrame(frame);
    };
    range.oninput = () => { running = 0; now = +range.value; if (opens) details.open = true; paint(); };
    rate.onclick = () => { speed = (speed + 1) % SPEEDS.length; paint(); };
    paint();
  }

  // Search by the browser's own highlights: nothing in the text is changed.
  function search(root, details, label) {
    const box = details.querySelector(".glm-t");
    if (!box || !window.Highlight || !CSS.highlights) return;
    const field = document.createElement("input");
    Object.assign(field, { type: "search", className: "glm-se", placeholder: label });
    field.setAttribute("aria-label", label);
    // Less can be read at a glance. A browser that looks for forms to fill lays out all of a
    // closed reasoning that has a field, so it gets one as it is opened.
    const add = () => field.isConnected || box.prepend(field);
    if (box.textContent.length > 600) {
      if (details.open) add();
      for (const kind of ["click", "toggle"]) details.addEventListener(kind, add);
    }
    let matches = [], at = -1;
    const look = () => {
      const words = field.value.toLowerCase();
      matches = [];
      at = -1;
      for (const { node } of textOf(box).texts) {
        const text = node.data.toLowerCase();
        for (let i = words ? text.indexOf(words) : -1; i >= 0; i = text.indexOf(words, i + words.length)) {
          const range = new Range();
          range.setStart(node, i);
          range.setEnd(node, i + words.length);
          matches.push(range);
        }
      }
      CSS.highlights.set("glm-found", new Highlight(...matches));
      field.dataset.matches = field.title = String(matches.length);
    };
    const next = () => {
      if (!matches.length) return;
      at = (at + 1) % matches.length;
      CSS.highlights.set("glm-here", new Highlight(matches[at]));
      const y = matches[at].getBoundingClientRect().top - box.getBoundingClientRect().top;
      box.scrollTop += y - box.clientHeight / 2;
    };
    field.oninput = look;
    field.onkeydown = (event) => { event.stopPropagation(); if (event.key === "Enter") next(); };
    details.addEventListener("click", (event) => {
      const link = event.target.closest(".glm-ol a");
      const part = link && details.querySelector("#" + CSS.escape(link.hash.slice(1)));
      if (!part) return;
      event.preventDefault();
      box.scrollTop += part.getBoundingClientRect().top - box.getBoundingClientRect().top - 8;
    });
  }

  // The host's own search marks words in closed reasoning too: the current one is shown.
  function openForMatches(root) {
    new MutationObserver(() => {
      const mark = root.querySelector(MATCH), around = [];
      for (let at = mark; at && (at = at.parentElement.closest("details")); ) around.push(at);
      if (around.every((node) => node.open) || around.some((node) => node.matches(".glm-hr, .glm-o"))) return;
      for (const node of around) node.open = true;
      mark.scrollIntoView({ block: "nearest" });
    }).observe(root, { attributes: true, attributeFilter: ["class"], childList: true, subtree: true });
  }

  function begin(root) {
    if (!root || root.dataset.begun) return;
    if (!document.querySelector("style.glm-ps")) control("style", document.head, { className: "glm-ps", textContent: window.glmStyle });
    root.dataset.begun = "1";
    const equip = () => {
      const details = root.querySelector(".glm-r");
      window.glmCopying.begin(root, window.glmWords);
      if (root.dataset.beats) player(root, window.glmWords);
      if (details) search(root, details, window.glmWords.search_reasoning);
      openForMatches(root);
    };
    // The panel that stood here knows the formulas. The task in which a page takes its place is long
    // already, so the controls come with the next frame.
    if (window.glmHandover?.(root)) requestAnimationFrame(equip);
    else equip();
  }

  return (script) => {
    begin(script && script.closest(".glm"));
    document.querySelectorAll(".glm:has(> script)").forEach(begin);
  };
})();
