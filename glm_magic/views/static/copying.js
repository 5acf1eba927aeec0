// What is copied of a saved reply: its answer as Markdown or as text, and a selection with its
// formulas. A page does not keep the Markdown, which would make the file longer by the answer; it
// is written again from the page, whose elements are few, and renders as the same page.
window.glmCopying = window.glmCopying || (function () {
  const COPIED_MS = 1400;
  const ICON = '<svg viewBox="0 0 16 16" aria-hidden="true"><path fill="none" stroke="currentColor" stroke-width="1.3" d="M5.5 4.5v-1a2 2 0 0 1 2-2h5a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2h-1M3.5 5.5h5a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2h-5a2 2 0 0 1-2-2v-5a2 2 0 0 1 2-2z"/></svg>';
  // What stands with an answer and is no part of it.
  const BESIDE = "script,style,button,summary,.glm-e,.glm-g,.glm-i,.glm-tool,.glm-pl,ol.glm-w,.glm-hid";
  const BLOCKS = "p,div,pre,ul,ol,blockquote,table,hr,h1,h2,h3,h4,h5,h6,details";
  const MARKS = { STRONG: "**", EM: "*", S: "~~", DEL: "~~" };

  // The TeX of a formula, noted before the page typesets it.
  function note(root) {
    for (const node of root.querySelectorAll(".glm-x")) {
      if (!node.children.length) node.dataset.tex = node.textContent;
    }
  }

  function formula(node) {
    const tex = node.dataset.tex.trim();
    const inside = /^\\[([]/.test(tex) ? tex.slice(2, -2).trim() : tex;
    const block = /^(?:\\\[|\$\$|\\begin)/.test(tex) || node.matches(".glm-d,div");
    if (/^\$/.test(tex)) return tex;
    return block ? "$$\n" + inside + "\n$$" : "$" + inside + "$";
  }

  // A bracket is written as an entity: with a backslash it would begin a formula.
  const escaped = (text) =>
    text.replace(/[\\`*]|<(?=[a-z/!?])|&(?=#?\w+;)|~(?=~)|(?<![^\W_])_|_(?![^\W_])/gi, "\\$&")
      .replace(/\](?=[([:])/g, "&#93;");
  const begins = (line) => line.replace(/^(\s*)([#>+-]|=+$|\d{1,9}(?=[.)]))/, (all, space, sign) =>
    /\d/.test(sign) ? all : space + "\\" + sign).replace(/^(\s*\d{1,9})([.)])(?=\s|$)/, "$1\\$2");
  const indented = (text, by) => text.replace(/\n(?!\n|$)/g, "\n" + " ".repeat(by));

  function inline(node, marks) {
    let text = "";
    for (const child of node.childNodes) {
      if (child.nodeType === 3) {
        const data = child.data.replace(/\s+/g, " ");
        text += marks ? escaped(data) : data;
      } else if (child.nodeType === 1 && !child.matches(BESIDE)) text += element(child, marks);
    }
    return text;
  }

  function element(node, marks) {
    if (node.dataset.tex) return formula(node);
    if (node.tagName === "BR") return marks ? "\\\n" : "\n";
    if (!marks) return inline(node, marks);
    if (node.tagName === "CODE") return span(node.textContent);
    const text = inline(node, marks);
    if (node.tagName === "A") return "[" + text + "](<" + node.getAttribute("href") + ">)";
    if (node.matches("input[type=checkbox]")) return node.checked ? "[x]" : "[ ]";
    const mark = text.trim() ? MARKS[node.tagName] || "" : "";
    return text.replace(/^(\s*)([^]*?)(\s*)$/, (all, before, inside, after) => before + mark + inside + mark + after);
  }

  const ticks = (text, least) => "`".repeat(Math.max(least, ...(text.match(/`+/g) || []).map((run) => run.length + 1)));

  function span(text) {
    const fence = ticks(text, 1);
    const space = /^`|`$|^ .* $/.test(text) ? " " : "";
    return fence + space + text + space + fence;
  }

  function list(node, marks) {
    const loose = !!node.querySelector(":scope > li > p");
    let number = node.start || 1;
    const items = [...node.children].map((item) => {
      const sign = node.tagName === "OL" ? number++ + ". " : "- ";
      return sign + indented(blocks(item, marks, loose ? "\n\n" : "\n"), sign.length);
    });
    return items.join(loose ? "\n\n" : "\n");
  }

  function table(node, marks) {
    const cells = (row) => [...row.cells].map((cell) => inline(cell, marks).trim().replace(/\|/g, marks ? "\\|" : "|"));
    const rows = [...node.rows].map(cells);
    if (!marks) return rows.map((row) => row.join("\t")).join("\n");
    const sides = { right: "--:", center: ":-:", left: ":--" };
    const rule = [...node.rows[0].cells].map((cell) => sides[cell.align || cell.style.textAlign] || "---");
    return [rows[0], rule, ...rows.slice(1)].map((row) => "| " + row.join(" | ") + " |").join("\n");
  }

  function block(node, marks) {
    const tag = node.tagName;
    if (node.dataset.tex) return formula(node);
    if (tag === "PRE") {
      const code = (node.querySelector("code") || node).textContent;
      if (!marks || node.matches(".glm-p")) return code.replace(/\n$/, "");
      const fence = ticks(code, 3);
      return fence + (node.dataset.lang || "") + "\n" + code.replace(/\n?$/, "\n") + fence;
    }
    if (tag === "UL" || tag === "OL") return list(node, marks);
    if (tag === "TABLE") return table(node, marks);
    if (tag === "HR") return marks ? "---" : "";
    const text = blocks(node, marks);
    if (!marks) return text;
    if (tag === "BLOCKQUOTE") return text.replace(/^/gm, "> ");
    return /^H\d$/.test(tag) ? "#".repeat(+tag[1]) + " " + text.replace(/\n/g, " ") : text;
  }

  // Blocks below each other; running text between them is a paragraph.
  function blocks(node, marks, gap = "\n\n") {
    const parts = [];
    let run = document.createElement("span");
    const end = () => {
      const text = inline(run, marks).trim();
      if (text) parts.push(marks ? text.replace(/^.*$/gm, begins) : text);
      run = document.createElement("span");
    };
    for (const child of node.childNodes) {
      if (child.nodeType === 1 && child.matches(BESIDE)) continue;
      if (child.nodeType !== 1 || !child.matches(BLOCKS)) run.append(child.cloneNode(true));
      else {
        end();
        parts.push(block(child, marks));
      }
    }
    end();
    return parts.filter((part) => part).join(gap);
  }

  // A selection that holds formulas, which a browser copies as nothing.
  function copySelection(event) {
    const selection = getSelection();
    if (event.defaultPrevented || !event.clipboardData || !selection.rangeCount || selection.isCollapsed) return;
    const box = document.createElement("div");
    box.append(selection.getRangeAt(0).cloneContents());
    if (!box.querySelector("[data-tex]")) return;
    event.clipboardData.setData("text/plain", blocks(box, false));
    for (const node of box.querySelectorAll("[data-tex]")) node.textContent = formula(node);
    event.clipboardData.setData("text/html", box.innerHTML);
    event.preventDefault();
  }

  async function write(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text });
      area.style.cssText = "position:fixed;opacity:0";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  }

  function button(tools, name, title, marks, words) {
    const node = Object.assign(document.createElement("button"), { type: "button", title });
    const label = document.createElement("span");
    if (marks) node.innerHTML = ICON;
    node.append(label);
    label.textContent = name;
    tools.append(node);
    node.onclick = async () => {
      const answer = tools.closest(".glm").querySelector(".glm-a");
      label.textContent = (await write(blocks(answer, marks))) ? words.copied : words.copy_failed;
      node.focus({ preventScroll: true });
      setTimeout(() => (label.textContent = name), COPIED_MS);
    };
  }

  const holdsText = (node) => [...node.childNodes].some((child) =>
    child.nodeType === 3 ? child.data.trim() : child.nodeType === 1 && !child.matches(BESIDE) && child.textContent.trim());

  // Two buttons at the end of the header; an answer that is held back has none.
  function begin(root, words) {
    note(root);
    const head = root.querySelector(".glm-h"), answer = root.querySelector(".glm-a");
    if (!head || !answer || !holdsText(answer)) return;
    const tools = Object.assign(document.createElement("span"), { className: "glm-cp" });
    tools.setAttribute("aria-live", "polite");
    button(tools, words.copy, words.copy_title, true, words);
    button(tools, words.copy_plain, words.copy_plain_title, false, words);
    head.append(tools);
  }

  document.addEventListener("copy", copySelection);
  return { begin, markdown: (node) => blocks(node, true), text: (node) => blocks(node, false) };
})();
